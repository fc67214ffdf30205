"""What hubs say is merged into what we know, and what they no longer say stays known."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from registry.catalog import Snapshot
from registry.domain.hashes import Hashes
from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.reference import HubRef
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Variant
from tests.catalog.conftest import NOON
from tests.catalog.documents import digits

LATER = datetime(2026, 6, 1, tzinfo=UTC)


def a_hub_file(number: str = "446", name: str = "toy.safetensors", **changes) -> ModelFile:
    file = ModelFile(
        name=name,
        role=FileRole.WEIGHTS,
        variant=Variant(FileFormat.SAFETENSORS),
        size_bytes=1000,
        hashes=Hashes.of(f"sha256:{digits(name)}"),
        sources=(Source("civitai", "900066", "900075", number),),
        hub_file_id=number,
        is_primary=True,
    )
    return replace(file, **changes)


def a_hub_model(*files: ModelFile, **changes) -> Model:
    version = ModelVersion("v1", files or (a_hub_file(),), hub_version_id="900075")
    model = Model(
        slug="toy",
        name="Toy",
        type="checkpoint",
        base="sd1",
        versions=(version,),
        origin="civitai",
        author="Ada",
        hub_model_ids=("civitai:900066",),
    )
    return replace(model, **changes)


def test_a_model_of_a_hub_is_kept_and_found_by_its_ids(empty):
    saved = empty.models.save(a_hub_model(), at=NOON)

    assert saved.origin == "civitai"
    assert saved.id is not None
    assert empty.models.by_hub(HubRef("civitai", "900066", "900075", "446")).slug == "toy"
    assert empty.models.find("toy") == saved


def test_saving_the_same_answer_again_changes_nothing(empty):
    saved = empty.models.save(a_hub_model(), at=NOON)
    before = empty.export()

    assert empty.models.save(a_hub_model(), at=LATER) == saved
    assert empty.export() == before


def test_a_hub_completes_the_seed_and_does_not_overrule_it(seeded):
    told = a_hub_model(
        name="Anything V3 (renamed)",
        base="sdxl",
        licence="told by the hub",
        hub_model_ids=("civitai:66",),
        versions=(ModelVersion("v9", (a_hub_file("900446"),), hub_version_id="900075"),),
    )

    saved = seeded.models.save(told, at=NOON)

    assert (saved.slug, saved.name, saved.base) == ("anything-v3", "Anything V3", "sd1")
    assert saved.licence == "told by the hub"
    assert len(saved.versions) == len(seeded_versions(seeded)) + 1
    assert saved.origin == "seed"


def seeded_versions(seeded):
    known = seeded.models.find("anything-v3").versions
    return [version for version in known if version.name != "v9"]


def test_a_slug_that_is_taken_by_another_model_gets_a_number(seeded):
    saved = seeded.models.save(a_hub_model(slug="anything-v3"), at=NOON)

    assert saved.slug == "anything-v3-2"
    assert seeded.models.find("anything-v3").hub_model_ids[0] == "civitai:66"


def test_a_version_that_another_of_our_models_holds_is_merged_there(seeded):
    file = a_hub_file("10435", "AnythingV5Ink_v30.ckpt", hashes=Hashes(), detail="new words")
    told = a_hub_model(
        hub_model_ids=("civitai:9409",),
        versions=(ModelVersion("V3", (file,), hub_version_id="11162"),),
    )

    saved = seeded.models.save(told, at=NOON)

    assert saved.slug == "anything-v5"
    assert "11162" not in {version.hub_version_id for version in saved.versions}


def test_one_model_of_a_hub_that_is_thirteen_of_ours_makes_no_fourteenth(seeded):
    canny = seeded.models.find("controlnet-canny")
    version = next(v for v in canny.versions if v.hub_version_id)
    told = a_hub_model(
        slug="controlnet-11",
        hub_model_ids=("civitai:38784",),
        versions=(replace(version, files=()),),
    )

    seeded.models.save(told, at=NOON)

    assert seeded.models.count() == 118


def test_files_of_a_repository_find_the_version_that_we_sorted_them_into(seeded):
    before = seeded.models.find("anything-v3")
    place = Source(
        "huggingface", "Linaqruf/anything-v3.0", "f" * 40, "anything-v3-full.safetensors"
    )
    known = next(f for _, f in before.files if f.name == "anything-v3-full.safetensors")
    told = a_hub_model(
        origin="huggingface",
        hub_model_ids=("huggingface:Linaqruf/anything-v3.0",),
        versions=(
            ModelVersion("main", (replace(known, id=None, size_bytes=7, sources=(place,)),)),
        ),
    )

    saved = seeded.models.save(told, at=NOON, into="anything-v3")

    assert [v.name for v in saved.versions] == [v.name for v in before.versions]
    now = next(f for _, f in saved.files if f.id == known.id)
    assert now.size_bytes == 7
    assert now.sources == (*known.sources, place)


def test_a_file_that_was_replaced_at_its_hub_stands_beside_the_old_one(empty):
    empty.models.save(a_hub_model(), at=NOON)

    other = a_hub_file(hashes=Hashes.of(f"sha256:{digits('replaced')}"))
    saved = empty.models.save(a_hub_model(other), at=LATER)

    assert [file.hashes.sha256 for _, file in saved.files] == [
        digits("toy.safetensors"),
        digits("replaced"),
    ]


# ── many at once ──────────────────────────────────────────────────────────────────────────────────


def a_plain_model(name: str, **changes) -> Model:
    """What the hub of plain addresses says: no ids, one file."""
    place = Source("direct", url=f"https://example.org/{name}")
    file = a_hub_file(name=name, hashes=Hashes(), sources=(place,), hub_file_id=None)
    return a_hub_model(
        slug=name,
        name=name,
        hub_model_ids=(),
        versions=(ModelVersion("v1", (file,)),),
        **{"origin": "direct", **changes},
    )


def test_many_models_are_kept_as_if_each_came_alone(empty, opened):
    told = [a_plain_model("a"), a_hub_model(), a_plain_model("b"), a_hub_model(name="Renamed")]

    saved = empty.models.save_all(told, at=NOON)

    other = opened("other.db")
    assert [other.models.save(model, at=NOON).id for model in told] == [m.id for m in saved]
    assert empty.export() == other.export()
    assert [model.name for model in saved] == ["a", "Renamed", "b", "Renamed"]
    assert saved == tuple(other.models.find(model.slug) for model in told)
    assert empty.check() == ()


def test_many_models_of_one_name_get_numbers(empty):
    one, two = (a_plain_model("a", origin=origin) for origin in ("direct", "elsewhere"))

    assert [model.slug for model in empty.models.save_all([one, two])] == ["a", "a-2"]


def test_many_models_are_found_by_their_words(empty):
    empty.models.save_all([a_plain_model("apple"), a_plain_model("pear")])

    assert [model.slug for model in empty.models.search("pea")] == ["pear"]


def test_all_of_many_models_are_kept_or_none(empty):
    with pytest.raises(sqlite3.IntegrityError):
        empty.models.save_all([a_plain_model("a"), a_hub_model(a_hub_file(size_bytes=-1))])

    assert empty.models.count() == 0


def test_no_models_are_no_trouble(empty):
    assert empty.models.save_all([]) == ()


def test_texts_that_no_database_can_hold_are_made_holdable(empty):
    saved = empty.models.save(a_hub_model(name="a\ud800b\x00c", note="x" * 100_000), at=NOON)

    assert saved.name == "a?b\ufffdc"
    assert len(saved.note) == 65536


# ── gone ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_404_marks_and_never_erases(seeded):
    before = seeded.models.find("easynegative")

    places = [source for _, file in before.files for source in file.sources]
    for place in places:
        seeded.models.mark_gone(place, at=LATER)

    gone = seeded.models.find("easynegative")
    assert gone.gone_since == LATER
    assert {file.gone_since for _, file in gone.files} == {LATER}
    assert [(f.name, f.hashes, f.size_bytes, f.sources) for _, f in gone.files] == [
        (f.name, f.hashes, f.size_bytes, f.sources) for _, f in before.files
    ]


def test_a_file_is_gone_only_when_its_last_source_is(seeded):
    model = seeded.models.find("easynegative")
    _, file = next((v, f) for v, f in model.files if len(f.sources) > 1)

    seeded.models.mark_gone(file.sources[0], at=LATER)

    now = next(f for _, f in seeded.models.find("easynegative").files if f.id == file.id)
    assert now.gone_since is None
    assert now.sources == (*file.sources[1:], file.sources[0])


def test_a_whole_model_of_a_hub_can_be_gone(empty):
    empty.models.save(a_hub_model(), at=NOON)

    assert empty.models.mark_gone(Source("civitai", model="900066"), at=LATER) == 1
    assert empty.models.find("toy").gone_since == LATER


def test_the_first_time_it_was_gone_is_kept(empty):
    empty.models.save(a_hub_model(), at=NOON)
    empty.models.mark_gone(Source("civitai", model="900066"), at=NOON)

    assert empty.models.mark_gone(Source("civitai", model="900066"), at=LATER) == 0
    assert empty.models.find("toy").gone_since == NOON


def test_what_comes_back_is_no_longer_gone(empty):
    empty.models.save(a_hub_model(), at=NOON)
    empty.models.mark_gone(Source("civitai", model="900066"), at=LATER)

    saved = empty.models.save(a_hub_model(), at=LATER)

    assert (saved.gone_since, saved.files[0][1].gone_since) == (None, None)


def test_a_source_can_be_seen_again_by_itself(empty):
    empty.models.save(a_hub_model(), at=NOON)
    empty.models.mark_gone(Source("civitai", model="900066"), at=LATER)

    assert empty.models.mark_present(Source("civitai", "900066", "900075", "446")) == 1
    assert empty.models.find("toy").gone_since is None


# ── snapshots and measured hashes ─────────────────────────────────────────────────────────────────


def test_every_answer_is_kept_and_the_same_body_only_once(empty):
    answer = Snapshot("civitai", "civitai:900066", NOON, 200, '{"id": 900066}')
    empty.models.save(a_hub_model(), snapshot=answer)
    empty.models.save(a_hub_model(), snapshot=replace(answer, fetched_at=LATER))
    empty.models.keep_snapshot(replace(answer, status=404, body="not found"))

    rows = empty.database.rows("SELECT status, body FROM hub_snapshots ORDER BY id")

    assert rows == [(200, '{"id": 900066}'), (200, None), (404, "not found")]


def test_measured_hashes_complete_a_file(empty):
    file = empty.models.save(a_hub_model(), at=NOON).files[0][1]
    measured = Hashes.of(f"sha256:{digits('toy.safetensors')}", "blake3:" + "ab" * 32)

    empty.models.learn_hashes(file.id, measured)

    assert empty.models.find("toy").files[0][1].hashes == measured


def test_a_measured_sha256_that_contradicts_is_refused(empty):
    file = empty.models.save(a_hub_model(), at=NOON).files[0][1]

    with pytest.raises(ValueError, match="has sha256:"):
        empty.models.learn_hashes(file.id, Hashes.of("sha256:" + "0" * 64))

    assert empty.models.find("toy").files[0][1].hashes == file.hashes


def test_a_lesser_hash_that_was_wrong_gives_way_to_the_measured_one(empty):
    sha256 = f"sha256:{digits('toy.safetensors')}"
    told = a_hub_file(hashes=Hashes.of(sha256, "crc32:00000000"))
    file = empty.models.save(a_hub_model(told), at=NOON).files[0][1]

    empty.models.learn_hashes(file.id, Hashes.of(sha256, "crc32:9b6c6647"))

    assert empty.models.find("toy").files[0][1].hashes == Hashes.of(sha256, "crc32:9b6c6647")
