"""`sdreg gc`: shows what is of no use, and throws away only what is ours, when told to."""

import os

import pytest

from registry.api import Registry
from registry.demo.hub import HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.transfer.journal import Journal

np = pytest.importorskip("numpy")


@pytest.fixture
def stray(sdreg, hub):
    """A stored file that no record speaks of and no name leads to."""
    sdreg("install", "civitai:901", "--yes")
    registry = Registry.open(sdreg.home)
    (install,) = registry.installed()
    registry.catalog.installs.remove(install.id)
    for link in install.links:
        link.path.unlink()
    registry.catalog.close()
    return registry.rooms.store.path_of(install.sha256)


def part(sdreg, *, days):
    """A download that was left so many days ago."""
    folder = sdreg.home / "partial"
    folder.mkdir(exist_ok=True)
    data = folder / f"left-{days}.part"
    data.write_bytes(bytes(4096))
    journal = Journal("https://a.example/x", "x.safetensors", 4096, None)
    data.with_suffix(".journal").write_text(journal.to_text())
    left = data.stat().st_mtime - days * 86_400
    os.utime(data, (left, left))
    return data


def test_nothing_is_of_no_use_in_a_home_that_is_in_order(sdreg, hub):
    sdreg("install", "civitai:901", "--yes")

    assert sdreg("gc").out == "there is nothing to throw away\n"
    assert sdreg.json("gc", "--yes", schema="sdreg.gc/1") == {"found": [], "freed_bytes": 0}


def test_what_is_shown_stays_until_somebody_says_yes(sdreg, stray):
    for words in (("gc",), ("gc", "--dry-run"), ("gc", "--yes", "--dry-run")):
        assert sdreg(*words).out.startswith("unreferenced noise.safetensors")
        assert stray.exists()

    size = stray.stat().st_size
    (gone,) = sdreg.json("gc", "--yes", schema="sdreg.gc/1")["found"]
    assert (gone["kind"], gone["path"], gone["gone"]) == ("unreferenced", str(stray), True)
    assert gone["size_bytes"] == size
    assert not stray.exists()


def test_downloads_that_were_left_for_a_week_go_and_fresh_ones_stay(sdreg):
    old, fresh = part(sdreg, days=8), part(sdreg, days=1)
    said = sdreg("gc", "--yes").out

    assert said.startswith("part ")
    assert (old.exists(), fresh.exists()) == (False, True)
    assert not old.with_suffix(".journal").exists()


def test_a_part_of_which_nobody_knows_what_it_is_goes_after_a_week_too(sdreg):
    old, fresh = part(sdreg, days=8), part(sdreg, days=1)
    for each in (old, fresh):
        each.with_suffix(".journal").unlink()
    users = old.with_name("my file.part")
    users.write_bytes(b"mine")
    os.utime(users, (0, 0))

    said = sdreg("gc", "--yes").out

    assert said.startswith("part         left-8.part")
    assert [each.exists() for each in (old, fresh, users)] == [False, True, True]


def test_what_the_user_put_there_is_not_ours_to_throw_away(sdreg, hub):
    sdreg("install", "civitai:901", "--yes")
    mine = sdreg.home / "library" / "lora" / "mine.safetensors"
    aside = sdreg.home / "quarantine" / "mine.ckpt"
    for path in (mine, aside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")

    sdreg("gc", "--yes", "--older")

    assert (mine.read_bytes(), aside.read_bytes()) == (b"mine", b"mine")


def test_a_download_that_somebody_went_on_with_meanwhile_stays(sdreg):
    data = part(sdreg, days=8)
    registry = Registry.open(sdreg.home)
    (waste,) = registry.find_waste()
    os.utime(data)

    assert not registry.throw_away(waste)
    assert data.exists()
    registry.catalog.close()


@pytest.fixture
def two_versions(sdreg, hub):
    """An older and a newer version of one model, both installed; where their bytes lie."""
    path = sdreg.home.parent / "published" / "noise-2.safetensors"
    write_safetensors(path, {"noise": np.arange(5000, dtype=np.float32)})
    hub.files.append(
        HostedFile(
            path.read_bytes(),
            path.name,
            civitai=(901, 950, 951),
            model_name="Noise",
            type="LORA",
        )
    )
    for version in (902, 950):
        sdreg("install", f"civitai:901@{version}", "--yes")
    registry = Registry.open(sdreg.home)
    blobs = {i.file_name: registry.rooms.store.path_of(i.sha256) for i in registry.installed()}
    registry.catalog.close()
    return blobs["noise.safetensors"], blobs["noise-2.safetensors"]


def test_an_older_version_is_shown_and_kept_and_goes_when_it_is_asked_for(sdreg, two_versions):
    older, newer = two_versions

    said = sdreg("gc", "--yes").out
    assert said.startswith("superseded   noise.safetensors")
    assert "kept; --older removes it" in said
    assert older.exists()

    (gone,) = sdreg.json("gc", "--yes", "--older", schema="sdreg.gc/1")["found"]
    assert (gone["kind"], gone["path"], gone["gone"]) == ("superseded", str(older), True)
    assert (older.exists(), newer.exists()) == (False, True)
    assert not (sdreg.home / "library" / "lora" / "noise.safetensors").exists()
    assert sdreg("gc", "--older").out == "there is nothing to throw away\n"


def test_an_older_version_stays_when_the_newer_one_was_removed_meanwhile(sdreg, two_versions):
    older, newer = two_versions
    registry = Registry.open(sdreg.home)
    (waste,) = registry.find_waste()
    registry.remove("noise-2.safetensors")

    assert not registry.throw_away(waste)
    assert (older.exists(), newer.exists()) == (True, False)
    registry.catalog.close()


def test_an_older_version_stays_when_the_bytes_of_the_newer_one_are_lost(sdreg, two_versions):
    older, newer = two_versions
    newer.unlink()

    assert sdreg("gc", "--yes", "--older").out == "there is nothing to throw away\n"
    assert older.exists()
