import errno
import os

import pytest

from registry.store import disk
from registry.store.disk import make_folder, move_new, new_file, write_whole


@pytest.fixture(params=["as it is", "without an exclusive rename", "without links"])
def file_system(request, monkeypatch):
    """What this machine has, and what poorer file systems leave of it."""
    if request.param != "as it is":
        monkeypatch.setattr(disk, "_exclusive_rename", lambda: None)
    if request.param == "without links":

        def refuse(*args, **kwargs):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("file_system")
def test_a_file_moves_to_a_free_name(tmp_path):
    (tmp_path / "a").write_bytes(b"bytes")

    move_new(tmp_path / "a", tmp_path / "b")

    assert [p.name for p in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_bytes() == b"bytes"


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("make", [lambda p: p.write_bytes(b"old"), lambda p: p.symlink_to("x")])
def test_a_name_that_is_taken_is_never_replaced(tmp_path, make):
    (tmp_path / "a").write_bytes(b"new")
    make(tmp_path / "b")
    before = (tmp_path / "b").lstat()

    with pytest.raises(FileExistsError):
        move_new(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").lstat() == before
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.usefixtures("file_system")
def test_what_is_not_there_cannot_move_and_leaves_no_trace(tmp_path):
    with pytest.raises(FileNotFoundError):
        move_new(tmp_path / "a", tmp_path / "b")

    assert list(tmp_path.iterdir()) == []


def test_a_move_to_another_file_system_is_told_as_such(tmp_path, other_disk):
    (tmp_path / "a").write_bytes(b"bytes")

    with pytest.raises(OSError, match="cross-device") as caught:
        move_new(tmp_path / "a", other_disk / "b")

    assert caught.value.errno == errno.EXDEV


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("durable", [True, False])
def test_a_new_file_appears_whole(tmp_path, named, durable):
    with new_file(tmp_path, mode=0o444, named=named) as new:
        new.file.write(b"bytes")
        assert not (tmp_path / "x").exists()
        new.publish(tmp_path / "x", durable=durable)

    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"bytes"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("named", [True, False])
def test_a_new_file_that_is_not_published_vanishes(tmp_path, named):
    with new_file(tmp_path, mode=0o444, named=named) as new:
        new.file.write(b"bytes")

    with pytest.raises(RuntimeError, match="on the way"), new_file(tmp_path, mode=0o444) as new:
        raise RuntimeError("on the way")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", [True, False])
def test_a_new_file_replaces_nothing(tmp_path, named):
    (tmp_path / "x").write_bytes(b"old")

    with (
        pytest.raises(FileExistsError),
        new_file(tmp_path, mode=0o644, named=named) as new,
    ):
        new.publish(tmp_path / "x", durable=False)

    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_document_is_written_over_in_one_step(tmp_path):
    write_whole(tmp_path / "x", b"old", durable=True)
    write_whole(tmp_path / "x", b"new", durable=True)

    assert (tmp_path / "x").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("durable", [True, False])
def test_folders_are_made_as_deep_as_needed(tmp_path, durable):
    make_folder(tmp_path / "a" / "b" / "c", durable=durable)
    make_folder(tmp_path / "a" / "b" / "c", durable=durable)

    assert (tmp_path / "a" / "b" / "c").is_dir()
