import os
import stat

import pytest

from registry.domain.audit import FindingKind
from registry.domain.install import Link, LinkMethod
from registry.errors import BlobDamaged, BlobMissing, LinkRefused, PlaceTaken
from registry.store import links
from registry.store.links import check, free_name, is_the_users, link, remake, unlink
from tests.store.bytes_on_disk import SHA256, WEIGHTS, make_fetched

OTHER = WEIGHTS[::-1]
EACH_METHOD = [LinkMethod.HARDLINK, LinkMethod.SYMLINK, LinkMethod.COPY]


@pytest.fixture
def blob(store):
    return store.adopt(make_fetched(store.root / "partial" / "x"))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ui" / "models" / "Lora" / "ink.safetensors"


def link_by(method, blob, place):
    return link(blob, place, layout="a1111", methods=(method,))


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ── make ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_name_leads_to_the_bytes_by_each_method(blob, place, method, durable):
    made = link(blob, place, layout="a1111", methods=(method,), durable=durable)

    assert made == Link("a1111", place, SHA256, method)
    assert place.read_bytes() == WEIGHTS
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


def test_the_methods_are_what_they_are_called(blob, place):
    hard = link_by(LinkMethod.HARDLINK, blob, place.with_name("hard")).path
    soft = link_by(LinkMethod.SYMLINK, blob, place.with_name("soft")).path
    copy = link_by(LinkMethod.COPY, blob, place.with_name("copy")).path

    assert hard.samefile(blob.path)
    assert not hard.is_symlink()
    assert soft.readlink() == blob.path
    assert soft.readlink().is_absolute()
    assert not copy.samefile(blob.path)


def test_a_copy_belongs_to_the_user_and_the_blob_stays_read_only(blob, place):
    copy = link_by(LinkMethod.COPY, blob, place).path

    assert stat.S_IMODE(copy.stat().st_mode) & 0o200
    assert not stat.S_IMODE(blob.path.stat().st_mode) & 0o222


def test_a_reflink_shares_the_bytes_where_the_file_system_can(blob, place):
    try:
        made = link_by(LinkMethod.REFLINK, blob, place)
    except LinkRefused:
        assert not place.exists()
        assert list(place.parent.iterdir()) == []
        pytest.skip("this file system has no reflinks")
    assert made.method is LinkMethod.REFLINK
    assert place.read_bytes() == WEIGHTS


def test_the_best_method_that_works_is_taken(blob, place):
    assert link(blob, place, layout="a1111").method in {LinkMethod.REFLINK, LinkMethod.HARDLINK}


def test_another_file_system_falls_through_to_a_symlink(blob, other_disk):
    made = link(blob, other_disk / "ink.safetensors", layout="a1111")

    assert made.method is LinkMethod.SYMLINK
    assert made.path.read_bytes() == WEIGHTS


def test_a_copy_is_made_on_another_file_system_when_symlinks_are_not_wanted(blob, other_disk):
    wanted = (LinkMethod.HARDLINK, LinkMethod.COPY)
    made = link(blob, other_disk / "ink.safetensors", layout="a1111", methods=wanted)

    assert made.method is LinkMethod.COPY


def test_when_nothing_works_the_reason_is_told(blob, other_disk):
    with pytest.raises(LinkRefused, match="could not be linked: Invalid cross-device link"):
        link_by(LinkMethod.HARDLINK, blob, other_disk / "ink.safetensors")


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_second_time_changes_nothing(blob, place, method):
    first = link_by(method, blob, place)
    before = place.lstat()

    again = link(blob, place, layout="a1111")

    assert again == first
    assert place.lstat() == before


def test_a_folder_that_the_user_leads_elsewhere_is_followed(blob, place, tmp_path):
    real = tmp_path / "big disk"
    real.mkdir()
    place.parent.parent.mkdir(parents=True)
    place.parent.symlink_to(real)

    link(blob, place, layout="a1111")

    assert (real / place.name).read_bytes() == WEIGHTS


def test_there_must_be_something_to_link_to(blob, place):
    blob.path.unlink()

    with pytest.raises(BlobMissing):
        link(blob, place, layout="a1111")
    assert not place.parent.exists()


def test_a_copy_that_comes_out_different_does_not_appear(blob, place):
    blob.path.chmod(0o644)
    blob.path.write_bytes(OTHER)

    with pytest.raises(BlobDamaged, match="a copy of it has the SHA-256"):
        link_by(LinkMethod.COPY, blob, place)
    assert list(place.parent.iterdir()) == []


# ── what is there already ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", [b"", b"short", OTHER])
@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_file_that_is_not_ours_is_never_replaced(blob, place, method, content):
    put(place, content)

    with pytest.raises(PlaceTaken, match=r"ink\.safetensors exists already and is not ours"):
        link_by(method, blob, place)

    assert place.read_bytes() == content


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/dev/null"),
    ],
    ids=["folder", "fifo", "dangling link", "loop", "link to a device", "link to another"],
)
def test_whatever_lies_at_the_name_is_left_alone(blob, place, make):
    place.parent.mkdir(parents=True)
    make(place)
    before = place.lstat()

    with pytest.raises(PlaceTaken):
        link(blob, place, layout="a1111")

    assert place.lstat() == before


@pytest.mark.parametrize(
    ("have", "want"),
    [("Ink.SafeTensors", "ink.safetensors"), ("cafe\u0301.pt", "caf\u00e9.pt")],
)
def test_a_name_that_some_file_system_takes_for_the_same_is_taken(blob, place, have, want):
    put(place.with_name(have), OTHER)

    with pytest.raises(PlaceTaken, match=have):
        link(blob, place.with_name(want), layout="a1111")


def test_a_file_where_a_folder_must_be_is_told(blob, place):
    put(place.parent, b"a file")

    with pytest.raises(LinkRefused, match=r"exists|Not a directory"):
        link(blob, place, layout="a1111")
    assert place.parent.read_bytes() == b"a file"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(blob, place):
    place.parent.mkdir(parents=True)
    place.parent.chmod(0o555)

    with pytest.raises(LinkRefused, match="Permission denied"):
        link(blob, place, layout="a1111")


def test_a_name_that_is_too_long_is_told(blob, place):
    with pytest.raises(LinkRefused, match="File name too long"):
        link(blob, place.with_name("x" * 300), layout="a1111")


def test_equal_bytes_count_as_a_copy_that_is_there(blob, place):
    put(place, WEIGHTS)

    assert link(blob, place, layout="a1111").method is LinkMethod.COPY


def test_a_second_model_of_one_name_gets_a_short_hash(blob, place):
    put(place, OTHER)

    made = link(blob, free_name(place, SHA256), layout="a1111")

    assert made.path.name == f"ink-{SHA256[:8]}.safetensors"
    assert made.path.read_bytes() == WEIGHTS


def test_a_free_name_keeps_both_parts_of_a_vaes_suffix(place):
    assert free_name(place.with_name("x.vae.pt"), "ab" * 32).name == "x-abababab.vae.pt"


@pytest.mark.parametrize(
    ("content", "known", "answer"),
    [(WEIGHTS, None, True), (WEIGHTS, "a record", False), (OTHER, None, False), (b"", None, False)],
)
def test_equal_bytes_that_no_record_knows_are_the_users(blob, place, content, known, answer):
    put(place, content)

    assert is_the_users(place, blob, known=lambda path: known) is answer


def test_the_users_own_link_to_equal_bytes_is_the_users(blob, place, tmp_path):
    place.parent.mkdir(parents=True)
    place.symlink_to(put(tmp_path / "mine", WEIGHTS))

    assert is_the_users(place, blob, known=lambda path: None)


@pytest.mark.parametrize("method", EACH_METHOD)
def test_our_own_link_is_not_the_users_even_before_a_record_knows_it(blob, place, method):
    link_by(method, blob, place)

    assert not is_the_users(place, blob, known=lambda path: None)


def test_a_reflink_of_ours_is_not_the_users(blob, place):
    try:
        link_by(LinkMethod.REFLINK, blob, place)
    except LinkRefused:
        pytest.skip("this file system has no reflinks")

    assert not is_the_users(place, blob, known=lambda path: None)


def test_a_free_place_is_nobodys(blob, place):
    assert not is_the_users(place, blob, known=lambda path: None)


# ── check ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_link_is_well_as_it_was_made(blob, place, method):
    assert check(link_by(method, blob, place), blob.path) is FindingKind.OK


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_link_that_is_gone_is_missing(blob, place, method):
    made = link_by(method, blob, place)
    place.unlink()
    assert check(made, blob.path) is FindingKind.MISSING

    place.parent.rmdir()
    assert check(made, blob.path) is FindingKind.MISSING


def test_a_link_below_a_drive_that_is_unplugged_is_unavailable(blob, place, tmp_path):
    made = link(blob, place, layout="a1111")
    (tmp_path / "ui").rename(tmp_path / "elsewhere")

    assert check(made, blob.path) is FindingKind.UNAVAILABLE


@pytest.mark.parametrize("method", EACH_METHOD)
@pytest.mark.parametrize("content", [b"another length", OTHER])
def test_what_took_the_place_of_a_link_is_foreign(blob, place, method, content):
    made = link_by(method, blob, place)
    place.unlink()
    put(place, content)

    # The bytes of a copy are read by the auditor; here its length is looked at.
    expected = FindingKind.FOREIGN_FILE
    if method is LinkMethod.COPY and len(content) == len(WEIGHTS):
        expected = FindingKind.OK
    assert check(made, blob.path) is expected


def test_a_hard_link_that_came_back_from_a_backup_as_a_copy_is_well(blob, place):
    made = link_by(LinkMethod.HARDLINK, blob, place)
    place.unlink()
    put(place, WEIGHTS)

    assert check(made, blob.path) is FindingKind.OK


def test_a_hard_link_outlives_its_blob(blob, place):
    made = link_by(LinkMethod.HARDLINK, blob, place)
    blob.path.unlink()

    assert check(made, blob.path) is FindingKind.OK


def test_a_symlink_whose_blob_is_gone_is_broken(blob, place):
    made = link_by(LinkMethod.SYMLINK, blob, place)
    blob.path.unlink()

    assert check(made, blob.path) is FindingKind.BROKEN_LINK


def test_a_symlink_to_where_the_store_was_is_broken(blob, place, store, tmp_path):
    made = link_by(LinkMethod.SYMLINK, blob, place)
    moved = tmp_path / "new home"
    store.root.rename(moved)

    assert check(made, moved / blob.path.relative_to(store.root)) is FindingKind.BROKEN_LINK


def test_a_symlink_that_leads_elsewhere_is_foreign(blob, place):
    made = link_by(LinkMethod.SYMLINK, blob, place)
    place.unlink()
    place.symlink_to("/dev/zero")

    assert check(made, blob.path) is FindingKind.FOREIGN_FILE


# ── remake ────────────────────────────────────────────────────────────────────────────────────────


def repair(store, blob):
    blob.path.chmod(0o644)
    blob.path.write_bytes(b"rot" + WEIGHTS[3:])
    return store.replace_damaged(make_fetched(store.root / "partial" / "repaired"))


def test_a_hard_link_is_led_from_the_damaged_bytes_to_the_good_ones(store, blob, place):
    made = link_by(LinkMethod.HARDLINK, blob, place)
    whole = repair(store, blob)
    assert place.read_bytes() != WEIGHTS

    assert remake(made, whole, store.is_quarantined)

    assert place.samefile(whole.path)
    assert place.read_bytes() == WEIGHTS
    assert check(made, whole.path) is FindingKind.OK


def test_a_symlink_is_right_again_by_itself(store, blob, place):
    made = link_by(LinkMethod.SYMLINK, blob, place)
    whole = repair(store, blob)

    assert not remake(made, whole, store.is_quarantined)
    assert place.read_bytes() == WEIGHTS


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_link_that_is_missing_is_made_again_in_the_same_way(store, blob, place, method):
    made = link_by(method, blob, place)
    place.unlink()

    assert remake(made, blob, store.is_quarantined)
    assert check(made, blob.path) is FindingKind.OK
    assert place.is_symlink() is (method is LinkMethod.SYMLINK)


def test_what_is_not_ours_stays(store, blob, place):
    made = link_by(LinkMethod.HARDLINK, blob, place)
    place.unlink()
    put(place, b"a file of the user")

    assert not remake(made, blob, store.is_quarantined, set_aside=store.quarantine)
    assert place.read_bytes() == b"a file of the user"


def test_a_damaged_copy_is_set_aside_where_somebody_takes_it(store, blob, place):
    made = link_by(LinkMethod.COPY, blob, place)
    place.write_bytes(b"rot" + WEIGHTS[3:])

    assert not remake(made, blob, store.is_quarantined)
    assert remake(made, blob, store.is_quarantined, set_aside=store.quarantine)

    assert place.read_bytes() == WEIGHTS
    assert [aside.read_bytes()[:3] for aside in store.quarantined()] == [b"rot"]


def test_another_model_of_the_same_length_is_not_taken_for_a_damaged_copy(store, blob, place):
    made = link_by(LinkMethod.COPY, blob, place)
    place.write_bytes(OTHER)

    assert not remake(made, blob, store.is_quarantined, set_aside=store.quarantine)
    assert place.read_bytes() == OTHER


def test_a_copy_that_a_tenth_of_was_written_anew_is_somebodys_work(store, blob, place):
    """A model with another VAE in it has the same length, and nine tenths of the same bytes."""
    made = link_by(LinkMethod.COPY, blob, place)
    before = place.stat()
    tenth = len(WEIGHTS) // 10
    new = bytes(byte ^ 0xFF for byte in WEIGHTS[:tenth]) + WEIGHTS[tenth:]
    place.write_bytes(new)

    assert not remake(made, blob, store.is_quarantined, set_aside=store.quarantine)
    assert place.read_bytes() == new

    # With the time that it was made at, nobody wrote to it: then a disk did that.
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert remake(made, blob, store.is_quarantined, set_aside=store.quarantine)
    assert place.read_bytes() == WEIGHTS


def test_nothing_is_made_where_a_drive_is_unplugged(store, blob, place, tmp_path):
    made = link(blob, place, layout="a1111")
    (tmp_path / "ui").rename(tmp_path / "elsewhere")

    assert not remake(made, blob, store.is_quarantined)
    assert not (tmp_path / "ui").exists()


def test_a_symlink_follows_a_store_that_moved(store, blob, place, tmp_path):
    made = link_by(LinkMethod.SYMLINK, blob, place)
    moved = type(store)(tmp_path / "new home", durable=False)
    store.root.rename(moved.root)

    assert remake(made, moved.blob(SHA256), moved.is_quarantined)
    assert place.read_bytes() == WEIGHTS


# ── undo ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_link_of_ours_is_taken_away_and_the_blob_stays(blob, place, method):
    made = link_by(method, blob, place)

    assert unlink(made, blob.path)
    assert not os.path.lexists(place)
    assert blob.path.read_bytes() == WEIGHTS


@pytest.mark.parametrize("method", EACH_METHOD)
def test_a_link_is_known_by_its_bytes_when_the_blob_is_gone(blob, place, method):
    made = link_by(method, blob, place)
    blob.path.unlink()

    assert unlink(made, blob.path)
    assert not os.path.lexists(place)


@pytest.mark.parametrize("method", EACH_METHOD)
@pytest.mark.parametrize("content", [b"", b"another length", OTHER])
def test_a_file_that_took_the_place_of_a_link_is_left_alone(blob, place, method, content):
    made = link_by(method, blob, place)
    place.unlink()
    put(place, content)

    assert not unlink(made, blob.path)
    assert place.read_bytes() == content


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.symlink_to("/dev/zero")])
def test_a_folder_or_a_strangers_link_is_left_alone(blob, place, make):
    made = link(blob, place, layout="a1111")
    place.unlink()
    make(place)

    assert not unlink(made, blob.path)
    assert os.path.lexists(place)


def test_a_link_that_is_gone_cannot_be_taken_away(blob, place):
    made = link(blob, place, layout="a1111")
    place.unlink()

    assert not unlink(made, blob.path)


def test_best_comes_first():
    assert list(LinkMethod) == list(links.BEST_FIRST)
