"""Finding the bytes of a file elsewhere on this disk."""

import hashlib
import os

import pytest

from registry.audit.check import Stored, measure_pieces
from registry.audit.whereabouts import Whereabouts, is_the_file
from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress

CONTENT = os.urandom(PIECE_BYTES + 1000)
BARE = Stored(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "it").write_bytes(CONTENT)
    (tmp_path / "a twin in length").write_bytes(CONTENT[:-1] + b"?")
    (tmp_path / "shorter").write_bytes(CONTENT[:-1])
    return tmp_path


@pytest.fixture(params=["with its pieces", "with its hash alone"])
def stored(request, folder):
    if request.param == "with its hash alone":
        return BARE
    pieces, sha256 = measure_pieces(folder / "deep" / "down" / "it", Progress())
    return Stored(sha256, len(CONTENT), pieces)


def test_it_is_found_by_its_bytes(folder, stored):
    where = Whereabouts([folder], lambda _path: False)

    assert where.find(stored, lambda _path: False) == folder / "deep" / "down" / "it"
    assert where.find(stored, lambda path: path.name == "it") is None


def test_a_folder_that_is_left_out_is_not_looked_into(folder, stored):
    where = Whereabouts([folder], lambda path: path.name == "deep")

    assert where.find(stored, lambda _path: False) is None


def test_another_name_of_a_file_that_is_left_out_is_left_out_too(folder, stored):
    (folder / "zz").hardlink_to(folder / "deep" / "down" / "it")
    where = Whereabouts([folder], lambda path: path.name == "it")

    assert where.find(stored, lambda _path: False) is None


def test_roots_may_overlap_or_be_gone(folder, stored):
    roots = [folder / "nowhere", folder / "deep", folder]
    where = Whereabouts(roots, lambda _path: False)

    assert sorted(path.name for path in where.of_length(len(CONTENT))) == ["a twin in length", "it"]


def test_only_the_very_bytes_are_the_file(folder, stored):
    path = folder / "deep" / "down" / "it"
    assert is_the_file(path, stored)

    for wrong in (CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:], b""):
        path.write_bytes(wrong)
        assert not is_the_file(path, stored)
    assert not is_the_file(folder / "nowhere", stored)
