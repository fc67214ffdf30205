import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3

from registry.domain.hashes import Hashes
from registry.domain.pieces import PIECE_BYTES
from registry.errors import BlobDamaged, BlobMissing, StoreUnwritable
from registry.store.blobs import Store
from registry.store.paths import blob_path, piece_map_path
from tests.store.bytes_on_disk import SHA256, WEIGHTS, make_fetched, piece_map


@pytest.fixture
def part(tmp_path):
    return tmp_path / "home" / "partial" / "x.part"


def test_a_fetched_file_moves_in_under_its_hash(store, part):
    fetched = make_fetched(part)
    inode = part.stat().st_ino

    blob = store.adopt(fetched)

    assert blob.path == blob_path(store.root, SHA256)
    assert blob.path.read_bytes() == WEIGHTS
    assert blob.path.stat().st_ino == inode
    assert (blob.size_bytes, blob.blake3) == (len(WEIGHTS), blake3(WEIGHTS).hexdigest())
    assert not part.exists()


def test_a_blob_is_read_only_once_it_is_in(store, part):
    blob = store.adopt(make_fetched(part))

    assert stat.S_IMODE(blob.path.stat().st_mode) == 0o444


def test_nothing_else_lies_about_afterwards(store, part):
    store.adopt(make_fetched(part))

    files = {p.relative_to(store.root).as_posix() for p in store.root.rglob("*") if p.is_file()}
    shelf = f"blobs/sha256/{SHA256[:2]}"
    assert files == {f"{shelf}/{SHA256}", f"{shelf}/{SHA256}.json"}


@pytest.mark.parametrize("durable", [True, False])
def test_a_store_that_waits_for_the_disk_does_the_same(tmp_path, part, durable):
    store = Store(tmp_path / "home", durable=durable)

    assert store.adopt(make_fetched(part)).path.read_bytes() == WEIGHTS


def test_the_piece_map_and_the_facts_stay_beside_the_blob(store, part):
    store.adopt(make_fetched(part), facts={"file_name": "ink.safetensors"})

    record = store.record(SHA256)
    assert record.pieces == piece_map(WEIGHTS)
    assert record.facts == {"file_name": "ink.safetensors"}
    assert store.pieces(SHA256) == piece_map(WEIGHTS)


def test_the_facts_of_every_install_are_kept_and_the_piece_map_with_them(store, part):
    store.adopt(make_fetched(part), facts={"slug": "ink"})
    store.keep_facts(SHA256, [{"slug": "ink"}, {"slug": "pen"}])

    record = store.record(SHA256)
    assert (record.facts, record.further) == ({"slug": "ink"}, ({"slug": "pen"},))
    assert record.pieces == piece_map(WEIGHTS)

    store.keep_facts(SHA256, [])
    record = store.record(SHA256)
    assert (record.facts, record.further) == ({}, ())


def test_the_same_bytes_again_are_dropped(store, part):
    first = store.adopt(make_fetched(part), facts={"file_name": "a"})
    inode = first.path.stat().st_ino

    again = store.adopt(make_fetched(part), facts={"file_name": "b", "slug": "ink"})

    assert again == first
    assert again.path.stat().st_ino == inode
    assert not part.exists()
    assert store.record(SHA256).facts == {"file_name": "a", "slug": "ink"}


def test_a_blob_that_was_cut_short_is_set_aside_for_the_newcomer(store, part):
    path = store.adopt(make_fetched(part)).path
    path.chmod(0o644)
    path.write_bytes(WEIGHTS[:100])

    store.adopt(make_fetched(part))

    assert path.read_bytes() == WEIGHTS
    assert [aside.read_bytes() for aside in store.quarantined()] == [WEIGHTS[:100]]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_does_not_count_as_a_blob_and_makes_way(store, part, make):
    path = blob_path(store.root, SHA256)
    path.parent.mkdir(parents=True)
    make(path)

    assert not store.has(SHA256)
    assert list(store.list()) == []
    store.adopt(make_fetched(part))

    assert path.read_bytes() == WEIGHTS
    assert not path.is_symlink()
    assert len(list(store.quarantined())) == 1


def test_a_file_that_changed_since_it_was_hashed_is_refused_and_kept(store, part):
    fetched = make_fetched(part)
    part.write_bytes(WEIGHTS + b"more")

    with pytest.raises(BlobDamaged, match="10244 bytes now and had 10240"):
        store.adopt(fetched)

    assert part.exists()
    assert not store.has(SHA256)


def test_a_file_that_was_not_hashed_is_a_mistake(store, part):
    fetched = replace(make_fetched(part), hashes=Hashes())

    with pytest.raises(ValueError, match="was not hashed"):
        store.adopt(fetched)


def test_a_file_that_is_gone_is_told_by_its_path(store, part):
    fetched = make_fetched(part)
    part.unlink()

    with pytest.raises(StoreUnwritable, match="No such file"):
        store.adopt(fetched)


def test_a_store_that_cannot_be_written_says_so(tmp_path, part):
    (tmp_path / "file").write_bytes(b"in the way")

    with pytest.raises(StoreUnwritable):
        Store(tmp_path / "file").adopt(make_fetched(part))

    assert part.exists()


def test_a_file_from_another_file_system_is_copied_and_proven(store, other_disk):
    fetched = make_fetched(other_disk / "x.part")

    blob = store.adopt(fetched)

    assert blob.path.read_bytes() == WEIGHTS
    assert stat.S_IMODE(blob.path.stat().st_mode) == 0o444
    assert not fetched.path.exists()


def test_a_file_from_another_file_system_with_other_bytes_of_the_same_length_is_refused(
    store, other_disk
):
    fetched = make_fetched(other_disk / "x.part")
    fetched.path.write_bytes(WEIGHTS[::-1])

    with pytest.raises(BlobDamaged, match="changed since it was hashed"):
        store.adopt(fetched)

    assert fetched.path.exists()
    assert not store.has(SHA256)
    assert [p.name for p in store.path_of(SHA256).parent.iterdir()] == [f"{SHA256}.json"]


# ── a file that stays where it is ─────────────────────────────────────────────────────────────────


def test_a_users_file_is_copied_in_and_measured(store, tmp_path):
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(WEIGHTS)

    blob = store.adopt_copy(mine, facts={"file_name": "mine.safetensors"})

    assert (blob.sha256, blob.size_bytes) == (SHA256, len(WEIGHTS))
    assert blob.path.read_bytes() == WEIGHTS
    assert stat.S_IMODE(blob.path.stat().st_mode) == 0o444
    assert mine.read_bytes() == WEIGHTS
    assert mine.stat().st_ino != blob.path.stat().st_ino
    assert store.pieces(SHA256) == piece_map(WEIGHTS, PIECE_BYTES)


def test_a_users_file_that_is_there_already_adds_nothing(store, tmp_path, part):
    first = store.adopt(make_fetched(part))
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(WEIGHTS)

    again = store.adopt_copy(mine)

    assert again.path.stat().st_ino == first.path.stat().st_ino
    assert list(store.list()) == [SHA256]


def test_an_absent_file_cannot_be_copied_in(store, tmp_path):
    with pytest.raises(StoreUnwritable, match="No such file"):
        store.adopt_copy(tmp_path / "missing")


# ── repaired, removed, listed ─────────────────────────────────────────────────────────────────────


def damage(path):
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"rot")
    path.chmod(0o444)


def test_a_damaged_blob_is_set_aside_and_the_repaired_one_takes_its_name(store, part, tmp_path):
    path = store.adopt(make_fetched(part), facts={"slug": "ink"}).path
    name_in_ui = tmp_path / "ink.safetensors"
    os.link(path, name_in_ui)
    damage(path)

    blob = store.replace_damaged(make_fetched(part))

    assert blob.path.read_bytes() == WEIGHTS
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert not part.exists()
    (aside,) = store.quarantined()
    assert aside.read_bytes() == b"rot" + WEIGHTS[3:]
    assert store.is_quarantined(name_in_ui)
    assert not store.is_quarantined(path)
    assert store.record(SHA256).facts == {"slug": "ink"}


def test_a_missing_blob_can_be_brought_back_like_a_damaged_one(store, part):
    store.adopt(make_fetched(part)).path.unlink()

    assert store.replace_damaged(make_fetched(part)).path.read_bytes() == WEIGHTS
    assert list(store.quarantined()) == []


def test_a_repaired_file_comes_from_another_file_system_too(store, part, other_disk):
    path = store.adopt(make_fetched(part)).path
    damage(path)

    store.replace_damaged(make_fetched(other_disk / "repair"))

    assert path.read_bytes() == WEIGHTS
    assert len(list(store.quarantined())) == 1


def test_a_removed_blob_leaves_nothing_behind(store, part):
    path = store.adopt(make_fetched(part)).path

    store.remove(SHA256)

    assert list(path.parent.iterdir()) == []
    assert not store.has(SHA256)


def test_removing_twice_is_as_good_as_once(store, part):
    store.adopt(make_fetched(part))
    store.remove(SHA256)
    store.remove(SHA256)

    assert list(store.list()) == []


def test_a_blob_that_is_not_there_is_missing(store):
    with pytest.raises(BlobMissing, match="the stored file"):
        store.blob(SHA256)
    assert not store.has(SHA256)
    assert store.pieces(SHA256) is None


def test_blobs_are_listed_in_order_and_nothing_else_is(store, part):
    hashes = {store.adopt(make_fetched(part, bytes([n]) * 9)).sha256 for n in range(20)}
    shelf = store.path_of(SHA256).parent
    shelf.mkdir(exist_ok=True)
    (shelf / "note.txt").touch()
    (shelf / ("cd" * 32)).touch()  # on the wrong shelf
    (store.root / "blobs" / "sha256" / "readme").touch()

    assert list(store.list()) == sorted(hashes)


def test_an_empty_store_lists_nothing(store):
    assert list(store.list()) == []
    assert list(store.quarantined()) == []


def test_a_piece_map_can_be_added_later(store, part, tmp_path):
    store.adopt(make_fetched(part), facts={"slug": "ink"})
    other = piece_map(WEIGHTS, 512)

    store.learn(SHA256, other, b"header")

    assert store.pieces(SHA256) == other
    assert store.record(SHA256).facts == {"slug": "ink"}


def test_a_lost_piece_map_comes_back_with_the_next_adoption(store, part):
    store.adopt(make_fetched(part))
    piece_map_path(store.root, SHA256).unlink()
    assert store.pieces(SHA256) is None

    store.adopt(make_fetched(part))

    assert store.pieces(SHA256) == piece_map(WEIGHTS)


# ── bad days ──────────────────────────────────────────────────────────────────────────────────────


def test_bytes_that_the_disk_failed_to_keep_are_never_trusted_again(tmp_path, part, monkeypatch):
    store = Store(tmp_path / "home")
    fetched = make_fetched(part)
    real = os.fsync

    def fail_on_the_part(descriptor):
        if os.path.samestat(os.fstat(descriptor), inode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    inode = part.stat()
    monkeypatch.setattr(os, "fsync", fail_on_the_part)

    with pytest.raises(StoreUnwritable, match="Input/output error"):
        store.adopt(fetched)

    assert not store.has(SHA256)
    assert not part.exists()
    assert [aside.name for aside in store.quarantined()] == ["x.part"]


def test_what_a_killed_run_left_is_swept_away_once_it_is_old(store, part):
    blob = store.adopt(make_fetched(part))
    old = blob.path.with_name(".sdreg-killed.part")
    young = blob.path.with_name(".sdreg-at-work.part")
    for left in (old, young):
        left.write_bytes(b"12345")
    os.utime(old, (0, 0))

    assert store.sweep() == 5

    assert young.exists()
    assert not old.exists()
    assert store.blob(SHA256) == blob
    assert store.sweep(idle_s=-60) == 5


def test_an_empty_store_needs_no_sweeping(store):
    assert store.sweep() == 0
    assert not store.root.exists()
