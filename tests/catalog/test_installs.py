"""Intents, records, links and blobs; and what audits found about them."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.domain.audit import AuditRun, Ending, Finding, FindingKind
from registry.domain.hashes import Hashes
from registry.domain.install import Blob, Install, Link, LinkMethod, Placement
from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.variant import FileFormat, Variant
from tests.catalog.conftest import NOON
from tests.catalog.documents import digits

LATER = datetime(2026, 6, 1, tzinfo=UTC)
SHA = digits("toy")
BLOB = Blob(SHA, Path("/store/blobs/toy"), 1000, "ab" * 32)
PLACE = Placement("library", Path("/store/library/toy.safetensors"))
LINK = Link("library", PLACE.path, SHA, LinkMethod.HARDLINK)


def an_install(**changes) -> Install:
    install = Install(
        reference="toy",
        slug="toy",
        model_type="checkpoint",
        file_name="toy.safetensors",
        file_id=None,
        sha256=SHA,
        size_bytes=1000,
        source="civitai:66@75+446",
        proven=True,
        installed_at=NOON,
    )
    return replace(install, **changes)


def installed(catalog, *links: Link, **changes) -> Install:
    blob = replace(BLOB, sha256=changes.get("sha256", SHA))
    number = catalog.installs.intend(an_install(**changes), [PLACE])
    return catalog.installs.complete(number, links or (LINK,), blob, at=NOON)


def test_an_intent_is_pending_until_it_is_completed(empty):
    number = empty.installs.intend(an_install(), [PLACE])

    ((intent, install, placements),) = empty.installs.pending()
    assert (intent, install, placements) == (number, an_install(id=number), (PLACE,))
    assert empty.installs.all() == ()
    assert empty.installs.installed_slugs() == frozenset()


def test_a_completed_install_is_a_record_with_its_links_and_blob(empty):
    done = installed(empty)

    assert done == an_install(id=done.id, links=(LINK,))
    assert empty.installs.all() == (done,)
    assert empty.installs.pending() == ()
    assert empty.installs.installed_slugs() == {"toy"}
    assert empty.installs.owner_of(LINK.path) == done
    (stored,) = empty.installs.blobs()
    assert stored.blob == BLOB
    assert (stored.source, stored.adopted_at, stored.verified_at) == (
        "civitai:66@75+446",
        NOON,
        None,
    )


def test_an_intent_may_not_know_its_hash_before(empty):
    number = empty.installs.intend(an_install(sha256="", slug=None))

    assert empty.installs.complete(number, (LINK,), BLOB).sha256 == SHA


def a_known_file(catalog) -> ModelFile:
    """A file of which the catalog knows the SHA-256 and a wrong CRC-32."""
    hashes = Hashes.of(f"sha256:{SHA}", "crc32:00000000")
    variant = Variant(FileFormat.SAFETENSORS)
    file = ModelFile("toy.safetensors", FileRole.WEIGHTS, variant, 1000, hashes)
    versions = (ModelVersion("v1", (file,)),)
    return catalog.models.save(Model("toy", "Toy", "checkpoint", "sd1", versions)).files[0][1]


def test_what_was_measured_is_learned_with_the_record(empty):
    number = empty.installs.intend(an_install(file_id=a_known_file(empty).id))
    measured = Hashes.of(f"sha256:{SHA}", "crc32:9b6c6647", "blake3:" + "ab" * 32)

    empty.installs.complete(number, (LINK,), BLOB, learned=measured)

    assert empty.models.find("toy").files[0][1].hashes == measured


def test_what_was_measured_on_a_file_that_no_catalog_knows_is_nobodys(empty):
    number = empty.installs.intend(an_install())

    empty.installs.complete(number, (LINK,), BLOB, learned=Hashes.of(f"sha256:{SHA}"))

    assert empty.database.rows("SELECT * FROM hashes") == []


def test_a_measured_sha256_that_contradicts_completes_nothing(empty):
    known = a_known_file(empty)
    number = empty.installs.intend(an_install(file_id=known.id))

    with pytest.raises(ValueError, match="has sha256:"):
        empty.installs.complete(number, (LINK,), BLOB, learned=Hashes.of("sha256:" + "0" * 64))

    assert [intent.id for intent in empty.installs.pending()] == [number]
    assert empty.installs.blobs() == ()
    assert empty.models.find("toy").files[0][1] == known


def test_an_abandoned_intent_leaves_nothing(empty):
    empty.installs.abandon(empty.installs.intend(an_install(), [PLACE]))

    assert empty.installs.pending() == ()


def test_a_completed_install_cannot_be_abandoned(empty):
    done = installed(empty)

    empty.installs.abandon(done.id)

    assert empty.installs.all() == (done,)


def test_an_intent_that_is_not_there_cannot_be_completed(empty):
    with pytest.raises(LookupError, match="there is no intent 7"):
        empty.installs.complete(7, (), BLOB)


def test_a_record_without_a_blob_is_refused_by_the_database(empty):
    number = empty.installs.intend(an_install())

    with pytest.raises(sqlite3.IntegrityError), empty.database.transaction() as transaction:
        transaction.run("UPDATE installs SET state = 'complete' WHERE id = ?", (number,))


def test_installing_the_same_twice_is_one_install_with_all_links(empty):
    other = Link("comfyui", Path("/ui/models/toy.safetensors"), SHA, LinkMethod.SYMLINK)
    first = installed(empty)

    second = installed(empty, other)

    assert second.id == first.id
    assert second.links == (LINK, other)
    assert len(empty.installs.all()) == 1


def test_one_blob_can_serve_two_models(empty):
    installed(empty)
    other = Link("library", Path("/store/library/two.safetensors"), SHA, LinkMethod.HARDLINK)
    two = installed(empty, other, slug="two", file_name="two.safetensors")

    empty.installs.remove(two.id)

    assert [install.slug for install in empty.installs.all()] == ["toy"]
    assert empty.installs.forget_blob(SHA) is False


def test_installs_of_one_model_are_those_that_all_of_them_tell(empty):
    other = Link("library", Path("/store/library/two.safetensors"), SHA, LinkMethod.HARDLINK)
    installed(empty)
    installed(empty, other, slug="two", file_name="two.safetensors")
    empty.installs.intend(an_install())

    assert empty.installs.of_model("toy") == empty.installs.all()[:1]
    assert empty.installs.of_model("two") == empty.installs.all()[1:]
    assert empty.installs.of_model("three") == ()


def test_a_removed_install_is_gone_with_its_links_and_its_blob_can_be_forgotten(empty):
    done = installed(empty)

    empty.installs.remove(done.id)

    assert empty.installs.all() == ()
    assert empty.installs.owner_of(LINK.path) is None
    assert len(empty.installs.blobs()) == 1
    assert empty.installs.forget_blob(SHA) is True
    assert empty.installs.blobs() == ()


@pytest.mark.parametrize(
    "text", ["toy", "Toy", "toy.safetensors", SHA, SHA[:10], f"sha256:{SHA[:12].upper()}"]
)
def test_an_install_is_found_by_slug_file_name_or_hash(empty, text):
    done = installed(empty)

    assert empty.installs.find(text) == (done,)


@pytest.mark.parametrize("text", ["two", "", SHA[:7], "deadbeef00", "%", "to"])
def test_other_words_find_no_install(empty, text):
    installed(empty)

    assert empty.installs.find(text) == ()


def test_an_install_is_found_by_the_reference_it_was_asked_for_by(empty):
    done = installed(empty, reference="civitai:66@75", slug=None)

    assert empty.installs.find("civitai:66@75") == (done,)


def test_links_come_and_go(empty):
    done = installed(empty)
    other = Link("a1111", Path("/ui/toy.safetensors"), SHA, LinkMethod.COPY)

    empty.installs.add_links(done.id, [other])
    empty.installs.remove_link(LINK.path)

    assert empty.installs.all()[0].links == (other,)


def test_a_path_has_one_owner_the_last(empty):
    installed(empty)
    newer = digits("newer")

    two = installed(empty, replace(LINK, sha256=newer), slug="two", sha256=newer)

    assert empty.installs.owner_of(LINK.path).id == two.id
    assert [len(install.links) for install in empty.installs.all()] == [0, 1]


def test_lists_know_what_is_installed(seeded):
    installed(seeded, slug="easynegative")

    assert [m.slug for m in seeded.models.overview(installed=True)] == ["easynegative"]
    assert seeded.models.count(installed=False) == 117


# ── audits ────────────────────────────────────────────────────────────────────────────────────────


def a_finding(kind: FindingKind = FindingKind.ROT, **changes) -> Finding:
    return replace(Finding(kind, SHA, BLOB.path, "a sentence", (0, 7)), **changes)


def an_audit(catalog, **changes) -> AuditRun:
    run = AuditRun(**{"began_at": NOON, "scope": "all"} | changes)
    return replace(run, id=catalog.audits.begin(run))


def test_findings_wait_until_they_are_settled(empty):
    installed(empty)
    link = a_finding(FindingKind.BROKEN_LINK, path=LINK.path, pieces=())
    run = an_audit(empty)
    empty.audits.record(run, [a_finding(), link], NOON)
    empty.audits.finish(run, LATER)

    assert empty.audits.latest_findings() == (a_finding(), link)
    assert empty.audits.settle(SHA, BLOB.path, at=LATER) == 1
    assert empty.audits.latest_findings() == (link,)
    assert empty.audits.settle(SHA, at=LATER) == 1
    assert empty.audits.latest_findings() == ()


def test_what_is_found_about_a_file_replaces_all_that_was_found_about_it_before(empty):
    installed(empty)
    link = a_finding(FindingKind.BROKEN_LINK, path=LINK.path, pieces=())
    run = an_audit(empty)
    empty.audits.record(run, [a_finding(), link], NOON)
    empty.audits.record(run, [a_finding(FindingKind.MISSING, pieces=())], LATER)

    assert [finding.kind for finding in empty.audits.latest_findings()] == [FindingKind.MISSING]

    empty.audits.record(run, [a_finding(FindingKind.OK, pieces=())], LATER)

    assert empty.audits.latest_findings() == ()
    past = empty.audits.history({SHA}, limit=10)
    assert [each.finding.kind.value for each in past] == ["ok", "missing", "broken-link", "rot"]
    assert [each.settled_at for each in past] == [None, LATER, LATER, LATER]
    assert past[3].finding.pieces == (0, 7)


def test_of_a_file_that_is_not_installed_any_more_nothing_is_open(empty):
    record = installed(empty)
    empty.audits.record(an_audit(empty), [a_finding()], NOON)

    empty.installs.remove(record.id)

    assert empty.audits.latest_findings() == ()


def test_a_run_comes_back_as_it_was(empty):
    run = an_audit(empty, scope="due", trigger="schedule", deep=True, remaining=7)
    done = replace(
        run,
        checked=3,
        read_bytes=2**40,
        found=1,
        remaining=4,
        seconds=12.5,
        ending=Ending.BUDGET,
    )

    assert empty.audits.runs(limit=5) == (run,)
    empty.audits.finish(done, LATER)
    assert empty.audits.runs(limit=5) == (done,)


def test_a_round_begins_after_the_last_audit_of_everything_that_came_to_its_end(empty):
    def began(scope, at, ending, finished_at):
        run = an_audit(empty, scope=scope, began_at=at)
        empty.audits.finish(replace(run, ending=ending), finished_at)

    assert empty.audits.round_began_at() is None
    began("named", NOON, Ending.COMPLETE, NOON)
    assert empty.audits.round_began_at() is None
    began("all", LATER, Ending.BUDGET, LATER)
    began("due", LATER + timedelta(hours=1), Ending.BUDGET, LATER + timedelta(hours=2))
    assert empty.audits.round_began_at() == LATER
    began("all", LATER + timedelta(hours=3), Ending.COMPLETE, LATER + timedelta(hours=4))
    began("subset", LATER + timedelta(hours=5), Ending.COMPLETE, LATER + timedelta(hours=6))
    assert empty.audits.round_began_at() == LATER + timedelta(hours=4)


def test_a_blob_that_was_found_right_is_noted_as_verified(empty):
    installed(empty)
    run = an_audit(empty)

    empty.audits.record(run, [a_finding(FindingKind.OK, path=LINK.path, pieces=())], LATER)
    assert empty.installs.blobs()[0].verified_at is None

    empty.audits.record(run, [a_finding(FindingKind.OK, pieces=())], LATER)
    assert empty.installs.blobs()[0].verified_at == LATER
    assert empty.audits.checked_at() == {SHA: LATER}


def test_a_blob_can_be_noted_as_verified_without_an_audit(empty):
    installed(empty)

    empty.installs.verified(SHA, LATER)

    assert empty.installs.blobs()[0].verified_at == LATER
