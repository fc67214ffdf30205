"""Reading one stored file and saying what is the matter with it."""

import hashlib
import os

import pytest

from registry.audit.check import check_file, measure_pieces
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
def pieces(file):
    return measure_pieces(file, Progress())[0]


def test_a_whole_file_is_ok_with_and_without_a_piece_map(file, pieces):
    assert check_file(file, SHA256, pieces, Progress()).kind is FindingKind.OK
    assert check_file(file, SHA256, None, Progress()).kind is FindingKind.OK
    assert check_file(file, SHA256, pieces, Progress(), deep=True).kind is FindingKind.OK


def test_the_measured_hash_is_that_of_the_whole_file(file):
    assert measure_pieces(file, Progress())[1] == SHA256


def test_a_flipped_bit_names_its_piece(file, pieces):
    with file.open("r+b") as out:
        out.seek(PIECE_BYTES + 5)
        out.write(b"B")

    found = check_file(file, SHA256, pieces, Progress())

    assert (found.kind, found.pieces) == (FindingKind.DAMAGED, (1,))
    assert found.message == f"1 of 3 pieces differ ({PIECE_BYTES:,} bytes to fetch again)"


def test_without_a_piece_map_damage_is_found_but_not_placed(file):
    file.write_bytes(CONTENT[:-1] + b"X")

    found = check_file(file, SHA256, None, Progress())

    assert (found.kind, found.pieces) == (FindingKind.DAMAGED, ())


def test_a_cut_tail_and_a_grown_one_are_damage(file, pieces):
    with file.open("r+b") as out:
        out.truncate(PIECE_BYTES)
    assert check_file(file, SHA256, pieces, Progress()).pieces == (1, 2)

    file.write_bytes(CONTENT + b"more")
    found = check_file(file, SHA256, pieces, Progress())
    assert found.kind is FindingKind.DAMAGED
    assert found.message == f"it has {len(CONTENT) + 4} bytes and had {len(CONTENT)}"


def test_a_file_that_grew_over_its_last_piece_is_damage(file, pieces):
    file.write_bytes(CONTENT + bytes(3 * PIECE_BYTES - len(CONTENT)) + b"x" * PIECE_BYTES)

    assert check_file(file, SHA256, pieces, Progress()).kind is FindingKind.DAMAGED


def test_a_lost_file_is_missing_but_a_lost_drive_is_unavailable(file, pieces):
    file.unlink()
    assert check_file(file, SHA256, pieces, Progress()).kind is FindingKind.MISSING

    file.parent.rmdir()
    file.parent.parent.rmdir()
    assert check_file(file, SHA256, pieces, Progress()).kind is FindingKind.UNAVAILABLE


def test_what_cannot_be_read_is_said_so(tmp_path):
    found = check_file(tmp_path, SHA256, None, Progress())

    assert found.kind is FindingKind.UNREADABLE
    assert found.message.startswith("it cannot be read: ")


def test_every_byte_read_is_told(file, pieces):
    class Counting(Progress):
        total = 0

        def advance(self, bytes_count):
            self.total += bytes_count

    counting = Counting()
    check_file(file, SHA256, pieces, counting)

    assert counting.total == len(CONTENT)


def test_an_empty_file_has_no_pieces_and_is_ok(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    pieces, sha256 = measure_pieces(empty, Progress())

    assert pieces.digests == ()
    assert check_file(empty, sha256, pieces, Progress()).kind is FindingKind.OK
