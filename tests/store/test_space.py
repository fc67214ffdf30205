import os
import shutil

import pytest

from registry.domain.install import LinkMethod
from registry.errors import NotEnoughSpace
from registry.store.space import free_bytes, nearest, probe, require_space, same_file_system


def test_free_bytes_are_those_of_the_folder_that_a_file_will_lie_in(tmp_path):
    free = free_bytes(tmp_path / "not" / "yet" / "there.safetensors")

    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)


def test_what_does_not_fit_is_refused_with_numbers(tmp_path):
    with pytest.raises(NotEnoughSpace, match="but 1,000,000,000,000,000,000 are needed"):
        require_space(tmp_path / "x", 10**18)


def test_what_fits_is_fine(tmp_path):
    require_space(tmp_path / "x", 1)


def test_the_nearest_folder_is_the_closest_that_exists(tmp_path):
    assert nearest(tmp_path / "a" / "b") == tmp_path
    assert nearest(tmp_path) == tmp_path


def test_two_file_systems_are_told_apart(tmp_path, other_disk):
    assert same_file_system(tmp_path / "a", tmp_path / "b" / "c")
    assert not same_file_system(tmp_path / "a", other_disk / "b")


def test_a_folder_says_what_it_can_and_is_left_as_it_was(tmp_path):
    found = probe(tmp_path / "ui" / "models", beside=tmp_path / "home")

    assert {LinkMethod.HARDLINK, LinkMethod.SYMLINK, LinkMethod.COPY} <= set(found.methods)
    assert found.methods == tuple(m for m in LinkMethod if m in found.methods)
    assert found.longest_name_bytes >= 143
    assert found.case_sensitive in {True, False}
    assert list(tmp_path.iterdir()) == []


def test_another_file_system_has_no_hard_links_to_ours(tmp_path, other_disk):
    found = probe(other_disk, beside=tmp_path)

    assert LinkMethod.HARDLINK not in found.methods
    assert LinkMethod.SYMLINK in found.methods


def test_a_folder_that_takes_no_files_has_no_methods(tmp_path):
    (tmp_path / "file").write_bytes(b"not a folder")

    found = probe(tmp_path / "file", beside=tmp_path)

    assert found.methods == ()
    assert found.case_sensitive is None


def test_what_a_killed_probe_left_is_cleared_and_nothing_else(tmp_path):
    ui = tmp_path / "ui"
    left, fresh, users = (ui / f".sdreg-probe-{name}" for name in ("left", "fresh", "users"))
    for folder in (left, fresh, users):
        folder.mkdir(parents=True)
        folder.joinpath("hardlink").write_bytes(b"a few bytes")
    users.joinpath("mine").write_bytes(b"mine")
    for folder in (left, users):
        os.utime(folder, (0, 0))

    probe(ui, beside=tmp_path)

    assert sorted(path.name for path in ui.iterdir()) == [fresh.name, users.name]
    assert [path.name for path in users.iterdir()] == ["mine"]
