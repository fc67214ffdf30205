"""The disk says no in many ways."""

import contextlib
import errno
import os
import shutil

import pytest

from registry.domain.hashes import Hashes
from registry.domain.source import Source
from registry.errors import NotEnoughSpace, StoreUnwritable
from registry.transfer.journal import Journal, lasting_name
from registry.transfer.partial import Part
from tests.transfer.bench import some_bytes

MIB = 1024 * 1024
LARGE = some_bytes(18 * MIB)


def failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def part(tmp_path):
    with contextlib.closing(Part(tmp_path, "part", durable=True)) as opened:
        yield opened


def test_row_47_a_file_that_does_not_fit_is_refused_before_any_byte(server, bench, monkeypatch):
    url = server.serve("model", LARGE)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 5 * MIB)
    )

    with pytest.raises(NotEnoughSpace) as caught:
        bench.fetch(url, content=LARGE)

    assert (caught.value.needed_bytes, caught.value.free_bytes) == (len(LARGE), 5 * MIB)
    assert not (bench.folder / "part.part").exists()


def test_room_that_a_part_already_has_is_not_needed_again(part, monkeypatch):
    part.prepare(8 * MIB)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, MIB)
    )

    part.prepare(8 * MIB + 1000)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_row_48_a_disk_that_fills_up_midway_keeps_the_part(server, bench, monkeypatch, number):
    url = server.serve("model", LARGE)
    pwrite = os.pwrite

    def full(file, data, offset):
        if offset > 9 * MIB:
            raise OSError(number, os.strerror(number))
        return pwrite(file, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(NotEnoughSpace):
            bench.fetch(url, content=LARGE, connections=1)

    fetched = bench.fetch(url, content=LARGE)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 12 * MIB


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_row_49_without_preallocation_the_file_is_sparse(part, monkeypatch, number):
    monkeypatch.setattr(os, "posix_fallocate", failing(number))

    part.prepare(8 * MIB)

    assert part.path.stat().st_size == 8 * MIB
    assert part.path.stat().st_blocks == 0


def test_row_50_a_file_system_with_short_files_says_so_up_front(part, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.EFBIG))

    with pytest.raises(StoreUnwritable, match="cannot hold a file of this length"):
        part.prepare(5 * MIB)


def test_row_51_after_a_failed_sync_the_part_is_thrown_away(server, bench, monkeypatch):
    url = server.serve("model", LARGE)
    syncs = []

    def fail(file):
        syncs.append(file)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(StoreUnwritable, match="thrown away"):
        bench.fetch(url, content=LARGE, durable=True)

    assert len(syncs) == 1, "a second sync would call the lost pages clean"
    assert list(bench.folder.glob("part.part")) == []
    assert list(bench.folder.glob("part.journal")) == []


def test_row_51_a_failed_write_is_told(part, monkeypatch):
    monkeypatch.setattr(os, "pwrite", failing(errno.EIO))

    with pytest.raises(StoreUnwritable, match="Input/output error"):
        part.write(0, memoryview(b"x"))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EMFILE])
def test_rows_53_and_55_a_folder_that_cannot_be_used_is_named(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "open", failing(number))

    with pytest.raises(StoreUnwritable, match=os.strerror(number)):
        Part(tmp_path, "part", durable=True)


def test_row_53_a_folder_that_is_a_file_is_told(tmp_path, bench):
    (tmp_path / "parts").write_text("")

    with pytest.raises(StoreUnwritable):
        bench.fetch("http://127.0.0.1:9/x", hashes=Hashes())


def test_row_60_a_symbolic_link_in_place_of_the_part_is_not_followed(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "part.part").symlink_to(tmp_path / "precious")

    with pytest.raises(StoreUnwritable, match="symbolic link"):
        Part(tmp_path, "part", durable=True)

    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_row_60_a_pipe_in_place_of_the_part_is_refused(tmp_path):
    os.mkfifo(tmp_path / "part.part")

    with pytest.raises(StoreUnwritable, match="not a regular file"):
        Part(tmp_path, "part", durable=True)


def test_a_journal_is_replaced_only_after_the_bytes_it_names_are_synced(part, monkeypatch):
    events = []
    for name in ("fdatasync", "fsync", "replace", "rename"):
        real = getattr(os, name)

        def note(*args, _name=name, _real=real, **more):
            events.append(_name)
            return _real(*args, **more)

        monkeypatch.setattr(os, name, note)

    part.save(Journal("civitai:66", "m", 10, pieces={0: "ab" * 32}))

    assert events == ["fdatasync", "fsync", "replace", "fsync"]
    assert part.journal().pieces == {0: "ab" * 32}


def test_a_journal_knows_how_much_is_done():
    journal = Journal("s", "m", 9 * MIB, pieces={0: "ab" * 32, 2: "cd" * 32})

    assert journal.done_bytes == 5 * MIB
    assert Journal.from_text(journal.to_text()) == journal


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_bytes": 0},
        {"pieces": {3: "ab" * 32}},
        {"pieces": {-1: "ab" * 32}},
        {"pieces": {0: "xy" * 32}},
        {"pieces": {0: "ab"}},
        {"piece_bytes": 7},
    ],
)
def test_a_journal_that_contradicts_itself_is_none(wrong):
    text = Journal(**{"source": "s", "file_name": "m", "size_bytes": 9 * MIB, **wrong}).to_text()

    assert Journal.from_text(text) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/x.bin", "https://a.example/x.bin"),
        ("https://u:p@a.example:8/x?sig=1#f", "https://a.example:8/x?…"),
        ("https://[::1/x?sig=1", "https://[::1/x"),
    ],
)
def test_a_lasting_name_has_no_secrets(url, name):
    assert lasting_name(Source("direct", url=url)) == name
