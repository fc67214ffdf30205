"""Reading one stored file and saying what is the matter with it."""

import errno
import hashlib
import json
import mmap
import os
from dataclasses import replace

import pytest

from registry.audit.check import Stored, check_file, measure_pieces
from registry.audit.reading import ColdFile, Piece
from registry.domain.audit import FindingKind
from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress

CONTENT = os.urandom(PIECE_BYTES) + b"b" * PIECE_BYTES + b"the tail"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "blobs" / "ab" / SHA256
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def stored(file):
    return Stored(SHA256, len(CONTENT), measure_pieces(file, Progress())[0])


def look(path, stored, **how):
    return check_file(path, stored, Progress(), **how).finding


def weights(metadata: str, tensors: bytes) -> bytes:
    header = {
        "__metadata__": {"author": metadata},
        "w": {"dtype": "U8", "shape": [len(tensors)], "data_offsets": [0, len(tensors)]},
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


# ── as it was ─────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_file_is_ok_with_and_without_a_piece_map(file, stored):
    assert look(file, stored).kind is FindingKind.OK
    assert look(file, replace(stored, pieces=None)).kind is FindingKind.OK
    assert look(file, stored, deep=True).kind is FindingKind.OK


def test_the_measured_hash_is_that_of_the_whole_file(file):
    assert measure_pieces(file, Progress())[1] == SHA256


def test_of_a_right_file_is_learned_what_was_not_known(tmp_path):
    path = tmp_path / "x"
    content = weights("ann", os.urandom(PIECE_BYTES))
    path.write_bytes(content)
    bare = Stored(hashlib.sha256(content).hexdigest(), len(content))

    learned = check_file(path, bare, Progress()).learned

    assert learned is not None
    assert learned.pieces == measure_pieces(path, Progress())[0]
    assert learned.header == content[: len(content) - PIECE_BYTES]
    assert check_file(path, learned, Progress()).learned is None


def test_every_byte_read_is_told(file, stored):
    class Counting(Progress):
        total = 0

        def advance(self, bytes_count):
            self.total += bytes_count

    counting = Counting()
    check_file(file, stored, counting)

    assert counting.total == len(CONTENT)


def test_an_empty_file_has_no_pieces_and_is_ok(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    pieces, sha256 = measure_pieces(empty, Progress())

    assert pieces.digests == ()
    assert look(empty, Stored(sha256, 0, pieces)).kind is FindingKind.OK


# ── rot ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_flipped_bit_names_its_piece(file, stored):
    with file.open("r+b") as out:
        out.seek(PIECE_BYTES + 5)
        out.write(b"B")

    found = look(file, stored)

    assert (found.kind, found.pieces) == (FindingKind.ROT, (1,))
    assert found.message == f"1 of 3 pieces differ ({PIECE_BYTES:,} bytes to fetch again)"


def test_without_a_piece_map_damage_is_found_but_not_placed(file, stored):
    file.write_bytes(CONTENT[:-1] + b"X")

    found = look(file, replace(stored, pieces=None))

    assert (found.kind, found.pieces) == (FindingKind.ROT, ())


def test_a_cut_tail_costs_its_pieces_and_a_grown_one_none_but_the_last(file, stored):
    with file.open("r+b") as out:
        out.truncate(PIECE_BYTES)
    assert look(file, stored).pieces == (1, 2)

    file.write_bytes(CONTENT + b"more")
    found = look(file, stored)
    assert (found.kind, found.pieces) == (FindingKind.ROT, (2,))
    assert found.message.startswith(f"it has {len(CONTENT) + 4:,} bytes and had {len(CONTENT):,}; ")


def test_a_file_that_grew_behind_a_full_piece_has_all_its_pieces(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a" * PIECE_BYTES)
    pieces, sha256 = measure_pieces(path, Progress())
    path.write_bytes(b"a" * PIECE_BYTES + b"more")

    found = look(path, Stored(sha256, PIECE_BYTES, pieces))

    assert (found.kind, found.pieces) == (FindingKind.ROT, ())


# ── edited ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("author", ["bob", "somebody with a longer name", "b"])
@pytest.mark.parametrize("with_pieces", [True, False])
def test_another_header_before_the_same_tensors_is_an_edit(tmp_path, author, with_pieces):
    path = tmp_path / "x"
    tensors = os.urandom(2 * PIECE_BYTES)
    path.write_bytes(before := weights("ann", tensors))
    pieces, sha256 = measure_pieces(path, Progress())
    stored = Stored(sha256, len(before), pieces if with_pieces else None, before[: -len(tensors)])
    path.write_bytes(weights(author, tensors))

    found = look(path, stored)

    assert (found.kind, found.pieces) == (FindingKind.EDITED, (0,))


def test_another_header_before_other_tensors_is_rot(tmp_path):
    path = tmp_path / "x"
    tensors = bytearray(os.urandom(2 * PIECE_BYTES))
    path.write_bytes(before := weights("ann", tensors))
    pieces, sha256 = measure_pieces(path, Progress())
    stored = Stored(sha256, len(before), pieces, before[: -len(tensors)])
    tensors[PIECE_BYTES] ^= 1
    path.write_bytes(weights("somebody else", tensors))

    assert look(path, stored).kind is FindingKind.ROT


def test_a_header_that_is_broken_is_rot_and_no_edit(tmp_path):
    path = tmp_path / "x"
    tensors = os.urandom(PIECE_BYTES)
    path.write_bytes(before := weights("ann", tensors))
    pieces, sha256 = measure_pieces(path, Progress())
    stored = Stored(sha256, len(before), pieces, before[: -len(tensors)])
    path.write_bytes(before.replace(b"dtype", b"dtyqe"))

    found = look(path, stored)

    assert (found.kind, found.pieces) == (FindingKind.ROT, (0,))


# ── what the disk does ────────────────────────────────────────────────────────────────────────────


def test_a_lost_file_is_missing(file, stored):
    file.unlink()
    assert look(file, stored).kind is FindingKind.MISSING


def test_what_is_no_file_is_said_so(tmp_path):
    found = look(tmp_path, Stored(SHA256, 5))

    assert found.kind is FindingKind.UNREADABLE
    assert found.message.startswith("it cannot be read: ")


class Disk:
    """Reads as a disk does that we cannot have: some pieces of it come wrong, or not at all."""

    def __init__(self, monkeypatch):
        self.refuses: set[int] = set()
        self.lies: dict[int, int] = {}  # piece -> how many reads of it come wrong
        self.asked = 0
        really = ColdFile.read

        def read(file, index, buffer):
            self.asked += 1
            if index in self.refuses:
                return Piece(index, refusal=OSError(errno.EIO, "Input/output error"))
            piece = really(file, index, buffer)
            if self.lies.get(index, 0) > 0:
                self.lies[index] -= 1
                wrong = bytes([piece.content[0] ^ 0xFF]) + piece.content[1:]
                return replace(piece, content=memoryview(wrong), digest="0" * 64)
            return piece

        monkeypatch.setattr(ColdFile, "read", read)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_two_reads_that_differ_are_no_rot(file, stored, disk):
    disk.lies = {1: 1}

    found = look(file, stored)

    assert (found.kind, found.pieces) == (FindingKind.FLAKY_READ, ())
    assert look(file, stored).kind is FindingKind.OK


def test_two_reads_that_agree_on_wrong_bytes_are_rot(file, stored, disk):
    disk.lies = {1: 2}

    assert look(file, stored).kind is FindingKind.ROT


def test_without_a_map_two_reads_that_differ_are_no_rot_either(file, stored, disk):
    disk.lies = {2: 1}

    assert look(file, replace(stored, pieces=None)).kind is FindingKind.FLAKY_READ


def test_a_refused_piece_is_named_and_the_others_are_read_on(file, stored, disk):
    disk.refuses = {1}
    assert look(file, stored).kind is FindingKind.UNREADABLE

    with file.open("r+b") as out:
        out.truncate(2 * PIECE_BYTES)
    found = look(file, stored)

    assert found.pieces == (1, 2)  # refused, and gone
    assert found.message == "1 of 2 pieces cannot be read: Input/output error"


def test_a_disk_that_refuses_everything_is_not_asked_for_ever(tmp_path, disk):
    path = tmp_path / "x"
    with path.open("wb") as out:
        out.truncate(40 * PIECE_BYTES)
    disk.refuses = set(range(40))

    found = look(path, Stored(SHA256, 40 * PIECE_BYTES))

    assert found.kind is FindingKind.UNREADABLE
    assert 16 <= disk.asked <= 20


def test_who_writes_while_it_is_read_is_waited_for(file, stored, monkeypatch):
    """A file that is replaced while it is read is looked at as it is afterwards."""
    really = ColdFile.read

    def read(cold, index, buffer):
        piece = really(cold, index, buffer)
        if index == 1 and file.read_bytes() != CONTENT:
            file.write_bytes(CONTENT)
            os.utime(file, ns=(1, 1))
        return piece

    file.write_bytes(CONTENT[:-1] + b"X" + bytes(PIECE_BYTES))
    monkeypatch.setattr(ColdFile, "read", read)

    assert look(file, stored).kind is FindingKind.OK


# ── long headers, and disks that give in ──────────────────────────────────────────────────────────


def test_an_edit_far_behind_the_first_piece_is_an_edit(tmp_path):
    path = tmp_path / "x"
    tensors = os.urandom(PIECE_BYTES)
    path.write_bytes(before := weights("a" * (2 * PIECE_BYTES), tensors))
    pieces, sha256 = measure_pieces(path, Progress())
    stored = Stored(sha256, len(before), pieces, before[: -len(tensors)])
    at = PIECE_BYTES + 1000
    path.write_bytes(before[:at] + b"bob" + before[at + 3 :])

    found = look(path, stored)

    assert (found.kind, found.pieces) == (FindingKind.EDITED, (1,))


@pytest.mark.parametrize("with_pieces", [True, False])
def test_wrong_bytes_that_cannot_be_read_again_are_unreadable(
    file, stored, monkeypatch, with_pieces
):
    really = ColdFile.read
    times = iter(range(100))

    def read(cold, index, buffer):
        if next(times) >= len(stored.pieces.digests):
            return Piece(index, refusal=OSError(errno.EIO, "Input/output error"))
        return really(cold, index, buffer)

    file.write_bytes(CONTENT[:-1] + b"X")
    monkeypatch.setattr(ColdFile, "read", read)

    found = look(file, stored if with_pieces else replace(stored, pieces=None))

    assert found.kind is FindingKind.UNREADABLE
    assert found.pieces == ((2,) if with_pieces else ())
    assert found.message == "it gave wrong bytes, and cannot be read again: Input/output error"


def test_a_file_system_without_maps_is_read_all_the_same(file, stored, monkeypatch):
    really = mmap.mmap

    def of_memory_alone(number, size_bytes, **how):
        if number >= 0:
            raise OSError(errno.ENODEV, "No such device")
        return really(number, size_bytes, **how)

    monkeypatch.setattr(mmap, "mmap", of_memory_alone)

    assert look(file, stored).kind is FindingKind.OK
