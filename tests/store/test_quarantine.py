import pytest

from registry.errors import StoreUnwritable


def test_a_file_is_set_aside_with_the_reason_beside_it(store, tmp_path):
    bad = tmp_path / "page.safetensors"
    bad.write_bytes(b"<html>")

    aside = store.quarantine(bad, "it is a web page")

    assert aside == store.root / "quarantine" / "page.safetensors"
    assert aside.read_bytes() == b"<html>"
    assert not bad.exists()
    note = aside.with_name("page.safetensors.why.txt").read_text(encoding="utf-8")
    assert note == f"{bad}\nit is a web page\n"


def test_files_of_one_name_all_stay(store, tmp_path):
    asides = []
    for content in (b"1", b"2", b"3"):
        bad = tmp_path / "bad.pt"
        bad.write_bytes(content)
        asides.append(store.quarantine(bad, "no good"))

    assert [aside.name for aside in asides] == ["bad.pt", "bad-2.pt", "bad-3.pt"]
    assert [aside.read_bytes() for aside in asides] == [b"1", b"2", b"3"]
    assert list(store.quarantined()) == sorted(asides)


def test_a_note_that_was_left_alone_holds_its_name(store, tmp_path):
    folder = store.root / "quarantine"
    folder.mkdir(parents=True)
    (folder / "bad.pt.why.txt").write_text("an earlier run was killed here")
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"1")

    assert store.quarantine(bad, "no good").name == "bad-2.pt"


def test_a_file_from_another_file_system_moves_too(store, other_disk):
    bad = other_disk / "bad.pt"
    bad.write_bytes(b"1")

    assert store.quarantine(bad, "no good").read_bytes() == b"1"
    assert not bad.exists()


def test_what_cannot_be_moved_leaves_no_note(store, tmp_path):
    with pytest.raises(StoreUnwritable, match="No such file"):
        store.quarantine(tmp_path / "missing", "no good")

    assert list((store.root / "quarantine").iterdir()) == []


def test_a_strange_reason_can_be_written_down(store, tmp_path):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"1")

    store.quarantine(bad, "lone \ud800 surrogate")


def test_a_path_that_is_not_there_is_not_in_quarantine(store, tmp_path):
    assert not store.is_quarantined(tmp_path / "missing")
