"""A lost catalog comes back from the store; what is of no use can go, and nothing else."""

from dataclasses import replace

import pytest

from registry.api import Registry
from registry.operations.collect import WasteKind
from registry.store import piecemaps
from tests.operations.seeding import add_model, row


def lose_catalog(registry, how):
    registry.catalog.close()
    file = registry.settings.catalog_file
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    if how == "deleted":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:4000] + b"\0rot" * 5000)


def told(registry):
    """What people see of the installs: everything but the numbers of rows."""
    return sorted(
        (
            *(i.reference, i.slug, i.model_type, i.file_name, i.sha256, i.size_bytes, i.source),
            i.proven,
            *sorted((k.layout, str(k.path), k.method) for k in i.links),
        )
        for i in registry.installed()
    )


@pytest.mark.parametrize("how", ["deleted", "spoilt"])
def test_a_lost_catalog_is_rebuilt_from_what_is_stored(registry, how):
    registry.install("civitai:901")
    before, places = told(registry), registry.path("noise.safetensors")
    lose_catalog(registry, how)

    again = Registry(registry.settings)
    moved = again.set_catalog_aside()
    rebuilt = again.rebuild_catalog()

    assert (moved is not None) == (how == "spoilt")
    assert moved is None or moved.is_file()
    assert [install.file_name for install in rebuilt.installs] == ["noise.safetensors"]
    assert told(again) == before
    assert again.path("noise.safetensors") == places
    assert not again.verify().findings
    assert again.rebuild_catalog().installs == ()
    assert told(again) == before


@pytest.fixture
def twins(registry, hosted, tmp_path):
    """One file that is installed three times: for two models, and for one of them by two names."""
    for slug, name in (("one", hosted.name), ("two", "other.safetensors"), ("three", hosted.name)):
        add_model(registry, tmp_path, slug, [row(hosted, name=name)])
        registry.install(slug)
    return registry


def test_every_install_of_one_file_comes_back(twins):
    before = told(twins)
    assert len(before) == 3
    lose_catalog(twins, "deleted")

    again = Registry(twins.settings)
    rebuilt = again.rebuild_catalog()

    assert [install.slug for install in rebuilt.installs] == ["one", "two", "three"]
    assert told(again) == before
    assert again.rebuild_catalog().installs == ()


def test_an_install_that_was_removed_does_not_come_back_with_its_bytes(twins):
    twins.remove("one")
    before = told(twins)
    assert twins.rebuild_catalog().installs == ()
    lose_catalog(twins, "deleted")

    again = Registry(twins.settings)

    assert len(again.rebuild_catalog().installs) == 2
    assert told(again) == before


def test_a_rebuild_that_was_cut_between_two_installs_of_one_file_goes_on(twins):
    before = told(twins)
    second = next(install for install in twins.installed() if install.slug == "two")
    twins.catalog.installs.remove(second.id)

    assert [install.slug for install in twins.rebuild_catalog().installs] == ["two"]
    assert told(twins) == before


def test_what_an_older_sdreg_wrote_beside_a_file_is_read_and_brings_nothing_removed_back(twins):
    (sha256,) = twins.rooms.store.list()
    path = twins.rooms.store.path_of(sha256).with_name(f"{sha256}.json")
    written = replace(twins.rooms.store.record(sha256), further=None)
    piecemaps.save(path, written, durable=False)
    assert "further" not in path.read_text()
    removed = next(install for install in twins.installed() if install.slug == "one")
    twins.catalog.installs.remove(removed.id)

    assert twins.rebuild_catalog().installs == ()
    lose_catalog(twins, "deleted")
    again = Registry(twins.settings)
    assert [install.slug for install in again.rebuild_catalog().installs] == ["one"]


def test_a_file_beside_which_nothing_is_written_stays_and_is_told(registry):
    (done,) = registry.install("civitai:901").files
    done.blob.path.with_name(f"{done.blob.sha256}.json").unlink()
    lose_catalog(registry, "deleted")

    again = Registry(registry.settings)

    assert again.rebuild_catalog().unknown == (done.blob.sha256,)
    assert done.blob.path.is_file()


def test_what_a_name_still_leads_to_is_not_waste_after_the_catalog_was_lost(registry):
    registry.install("civitai:901")
    lose_catalog(registry, "deleted")

    assert Registry(registry.settings).find_waste() == ()


def test_a_file_that_nothing_refers_to_goes_and_one_that_came_back_meanwhile_stays(registry):
    (done,) = registry.install("civitai:901").files
    registry.catalog.installs.remove(done.install.id)
    for link in done.install.links:
        link.path.unlink()
    (waste,) = registry.find_waste()
    assert (waste.kind, waste.key) == (WasteKind.UNREFERENCED, done.blob.sha256)

    registry.install("civitai:901")
    assert not registry.throw_away(waste)
    assert done.blob.path.is_file()

    (install,) = registry.installed()
    registry.catalog.installs.remove(install.id)
    for link in install.links:
        link.path.unlink()
    assert registry.throw_away(waste)
    assert not done.blob.path.exists()
    assert registry.find_waste() == ()


def test_only_what_we_set_aside_is_waste_in_quarantine(registry, tmp_path):
    store = registry.rooms.store
    theirs = tmp_path / "odd.safetensors"
    theirs.write_bytes(b"odd")
    aside = store.quarantine(theirs, "it is odd")
    users = aside.with_name("mine.safetensors")
    users.write_bytes(b"mine")

    (waste,) = registry.find_waste()

    assert waste.path == aside
    assert registry.throw_away(waste)
    assert not aside.exists()
    assert users.read_bytes() == b"mine"
    assert not store.drop_quarantined(users)
