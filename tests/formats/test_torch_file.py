"""The container of a torch file: whole, or refused with what is wrong."""

import contextlib
import io
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.demo.torch_zip import write_checkpoint
from registry.errors import MalformedHeader, UnreadableFile
from registry.formats.torch_file import check_torch_zip, first_member


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "sound.ckpt"
    write_checkpoint(path, {"a": np.ones((3, 4), np.float32), "b": np.zeros(5, np.float32)})
    return path.read_bytes()


def check(tmp_path, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    return check_torch_zip(path)


def zipped(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of the name that we want twice
        for name in members:
            archive.writestr(name, b"content " * 9)
    return buffer.getvalue()


def test_a_sound_file_names_its_members(tmp_path, sound):
    assert check(tmp_path, sound) == (
        "archive/data.pkl",
        "archive/byteorder",
        "archive/data/0",
        "archive/data/1",
        "archive/version",
    )


def test_a_changed_byte_of_a_member_is_found(tmp_path, sound):
    at = sound.index(np.ones((3, 4), np.float32).tobytes())

    with pytest.raises(MalformedHeader, match="Bad CRC-32 for file 'archive/data/0'"):
        check(tmp_path, sound[:at] + b"\xff" + sound[at + 1 :])


@pytest.mark.parametrize("missing", [1, 4, 100])
def test_a_file_that_is_cut_is_found(tmp_path, sound, missing):
    with pytest.raises(MalformedHeader):
        check(tmp_path, sound[:-missing])


def test_bytes_lost_in_the_middle_are_found(tmp_path, sound):
    with pytest.raises(MalformedHeader, match="4 bytes are missing"):
        check(tmp_path, sound[:300] + sound[304:])


def test_two_tables_of_contents_must_agree(tmp_path, sound):
    forged = sound.replace(b"archive/data/1", b"archive/data/9", 1)

    with pytest.raises(MalformedHeader, match="two tables of contents do not agree"):
        check(tmp_path, forged)


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (zipped("images/1.png"), "it has 0 data.pkl"),
        (zipped("a/data.pkl", "b/data.pkl"), "it has 2 data.pkl"),
        (zipped("a/data.pkl", "a/data.pkl"), "two of its members have one name"),
        (zipped("a/data.pkl", compression=zipfile.ZIP_DEFLATED), "a member is compressed"),
        (b"\x80\x02}.", "its zip container is damaged"),
        (b"", "its zip container is damaged"),
    ],
)
def test_other_archives_are_refused_with_the_reason(tmp_path, content, because):
    with pytest.raises(MalformedHeader, match=because):
        check(tmp_path, content)


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        check_torch_zip(tmp_path / "nothing")


def test_the_first_member_is_read_from_the_first_bytes(sound):
    assert first_member(sound[:100]) == "archive/data.pkl"
    assert first_member(sound[:20]) is None
    assert first_member(b"no zip" * 20) is None


@given(data=st.data())
def test_any_damage_is_refused_or_harmless(tmp_path_factory, sound, data):
    content = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.pt"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    with contextlib.suppress(MalformedHeader):
        check_torch_zip(path)


@pytest.mark.real
def test_a_real_torch_file_is_sound(real_files):
    assert "model/data.pkl" in check_torch_zip(real_files / "torch/vae-approx.pt")


@pytest.mark.real
def test_the_same_file_with_its_line_ends_changed_is_not(real_files):
    with pytest.raises(MalformedHeader, match="bytes are missing"):
        check_torch_zip(real_files / "broken/vae-approx-crlf.pt")
