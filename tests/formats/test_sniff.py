"""What a file is, whatever it calls itself."""

import io
import json
import os
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from registry.domain.variant import FileFormat
from registry.errors import UnreadableFile
from registry.formats.sniff import HEAD_BYTES, LfsPointer, Sniffed, sniff, sniff_file


def zipped(*names, content=b"content"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def arrays():
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros(4))
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    return buffer.getvalue()


LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>\n Log in &amp; go \n</title></head></html>"
XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
ONNX = b"\x08\x07\x12\x07pytorch\x1a\x051.13"
S, P, N, Z, C = (
    FileFormat.SAFETENSORS,
    FileFormat.PICKLE,
    FileFormat.OTHER,
    FileFormat.ZIP,
    FileFormat.CONFIG,
)
CASES = [
    (save({"a": np.zeros(3)}), S, "a safetensors file"),
    (b"\x0a\0\0\0\0\0\0\0  {}", S, "a safetensors file"),  # the strict reader refuses the spaces
    (zipped("archive/data.pkl", "archive/data/0"), P, "a torch checkpoint (zip)"),
    (zipped("анимe/data.pkl"), P, "a torch checkpoint (zip)"),
    (zipped("archive/version", "archive/data.pkl"), P, "a torch checkpoint (zip)"),
    (zipped("model/code/__torch__.py"), P, "a TorchScript program (zip)"),
    (zipped("images/1.png", "images/1.txt"), Z, "a zip archive"),
    (zipped("model.safetensors"), Z, "a zip archive"),
    (zipped(), Z, "an empty zip archive"),
    (arrays(), N, "a NumPy archive (npz)"),
    (LEGACY + b"\x80\x02M\xe9\x03.", P, "a torch checkpoint (legacy)"),
    (b"\x80\x04\x95\x10", P, "a Python pickle"),
    (b"ctorch._utils\n_rebuild_tensor_v2\n", P, "a Python pickle"),
    (b"(dp0\nS'state_dict'\np1\n", P, "a Python pickle"),
    (b"}q\0(X\x04\0\0\0step", P, "a Python pickle"),
    (b"(lp0\n.", P, "a Python pickle"),
    (b"(cos\nsystem\n", P, "a Python pickle"),
    (b"c\nnot a pickle", N, 'a text file ("c not a pickle")'),
    (b"GGUF\x03\0\0\0", FileFormat.GGUF, "a GGUF file"),
    (ONNX, FileFormat.ONNX, "an ONNX model"),
    (b"\x08\x07\x3a\x05\x0a\x03\x0a\x01x", FileFormat.ONNX, "an ONNX model"),
    (b"\x08\x07\x3a\xff\x7f\x0a", N, "a file of an unknown kind"),  # longer than the file
    (b"7767517\n75 83\nInput", N, "an ncnn network"),
    (b"\x1c\0\0\0TFL3\x14\0\x20", N, "a TensorFlow Lite model"),
    (tarred(), Z, "a tar archive"),
    (b"7z\xbc\xaf\x27\x1c\0\4", Z, "a 7z archive"),
    (b"Rar!\x1a\x07\x01\0", Z, "a rar archive"),
    (b"\x1f\x8b\x08\0", Z, "a gzip archive"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", N, "a PNG picture"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", N, "a JPEG picture"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", N, "a WebP picture"),
    (PAGE, N, 'an HTML page ("Log in & go")'),
    (b"<html><body>busy</body></html>", N, "an HTML page"),
    (b"\xef\xbb\xbf<!doctype html>", N, "an HTML page"),
    (XML, N, 'an XML error ("AccessDenied")'),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", N, "an XML document"),
    (b'{"error": "Unauthorized", "message": "log in"}', N, 'a JSON error ("Unauthorized")'),
    (b'{"error": {"message": "slow down"}}', N, 'a JSON error ("slow down")'),
    (b'{"error": "\\u001b[2Jboo"}', N, 'a JSON error ("[2Jboo")'),
    (b'{"model": {"target": "ldm"}}', C, "a JSON document"),
    (b"[1, 2]", C, "a JSON document"),
    (b"{ not json", C, "a JSON document"),
    (b"# v1\nmodel:\n  base_learning_rate: 1.0e-04\n", C, "a YAML configuration"),
    (b"Not Found", N, 'a text file ("Not Found")'),
    (b"404: Not Found", N, 'a text file ("404: Not Found")'),
    (b"\r\n", N, "a file of nothing but white space"),
    (b"", N, "an empty file"),
    (bytes(5000), N, "a file that begins with nothing but zeros"),
    (b"MZ\x90\0", N, "a program (Windows)"),
    (b"\x07\x01\x02\x03\xfe", N, "a file of an unknown kind"),
]


@pytest.mark.parametrize(("content", "format_", "what"), CASES, ids=[case[2] for case in CASES])
def test_the_first_bytes_tell_what_it_is(content, format_, what):
    assert sniff(content, size_bytes=len(content)) == Sniffed(format_, what)


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"], "a TorchScript program (zip)"),
        (["m/version", "m/data.pkl", "m/data/0"], "a torch checkpoint (zip)"),
        (["a.npy", "b.npy"], "a NumPy archive (npz)"),
        (["a.npy", "model.safetensors"], "a NumPy archive (npz)"),  # the first member decides
        (["a.txt"], "a zip archive"),
    ],
    ids=["TorchScript", "checkpoint", "arrays", "mixed", "other"],
)
def test_the_whole_table_of_contents_of_a_zip_tells_what_it_is(tmp_path, names, what):
    path = tmp_path / "model.pt"
    path.write_bytes(zipped(*names))

    assert sniff_file(path).what == what


def test_a_zip_with_a_long_comment_is_known_too(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"c" * 60_000
        archive.writestr("m/data.pkl", b"x" * 9000)
        archive.writestr("m/code/__torch__.py", b"")

    assert sniff_file(path).what == "a TorchScript program (zip)"


def test_a_zip_over_4_gib_is_known_by_its_wide_table(tmp_path):
    path = tmp_path / "model.pt"
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", b"x")
        file.truncate(5 * 2**30)  # a hole: the disk holds only the ends
        file.seek(0, 2)
        archive.start_dir = file.tell()
        archive.writestr("m/constants.pkl", b"x")

    assert path.stat().st_size > 5 * 2**30
    assert sniff_file(path).what == "a TorchScript program (zip)"


@pytest.mark.parametrize("cut", [1, 21, 60, 90])
def test_a_zip_without_its_table_is_known_by_its_first_member(tmp_path, cut):
    path = tmp_path / "model.pt"
    path.write_bytes(zipped("m/data.pkl", "m/constants.pkl")[:-cut])

    assert sniff_file(path).what == "a torch checkpoint (zip)"


def test_a_folder_or_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UnreadableFile, match="it is no file"):
            sniff_file(path)


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt", "png", "SafeTensors", ""])
def test_the_suffix_is_never_asked(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(LEGACY)

    assert sniff_file(path).format is FileFormat.PICKLE


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_a_pointer_says_what_it_stands_for(line):
    text = line.join(
        ["version https://git-lfs.github.com/spec/v1", "oid sha256:" + "ab" * 32, "size 77", ""]
    )

    assert sniff(text.encode()) == Sniffed(
        FileFormat.OTHER, "a Git LFS pointer", LfsPointer("ab" * 32, 77)
    )


def test_only_formats_that_models_come_in_may_be_models():
    may = [what for content, _, what in CASES if sniff(content).may_be_model]

    assert {what.partition(" (")[0] for what in may} == {
        "a safetensors file",
        "a torch checkpoint",
        "a TorchScript program",
        "a Python pickle",
        "a GGUF file",
        "an ONNX model",
    }


def test_a_long_text_is_quoted_in_one_short_line():
    said = sniff(b"Sorry,\n" + b"very " * 900 + "žluť".encode() * 100).what

    assert said.startswith('a text file ("Sorry, very very')
    assert len(said) < 120
    assert said.isprintable()


def test_a_long_json_error_that_is_cut_is_still_json():
    content = json.dumps({"error": "x" * 9000}).encode()

    assert sniff(content[:HEAD_BYTES]).what == "a JSON document"


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        sniff_file(tmp_path / "nothing")


@given(st.sampled_from([case[0] for case in CASES]), st.binary(max_size=40), st.integers(0, 60))
def test_any_bytes_have_a_kind(start, rest, cut):
    content = start[:cut] + rest

    assert sniff(content, size_bytes=len(content)).what.isprintable()


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("embeddings/EasyNegative.safetensors", "a safetensors file"),
        ("embeddings/EasyNegative.pt", "a torch checkpoint (zip)"),
        ("embeddings/badhandv4.pt", "a torch checkpoint (zip)"),
        ("loras/analog_svd_rank4.safetensors", "a safetensors file"),
        ("torch/vae-approx.pt", "a torch checkpoint (zip)"),
        ("torch/dncnn_25.pth", "a torch checkpoint (legacy)"),
        ("pictures/a1111.png", "a PNG picture"),
        ("broken/lfs-pointer.pt", "a Git LFS pointer"),
    ],
)
def test_real_files_are_named(real_files, name, what):
    assert sniff_file(real_files / name).what == what


@pytest.mark.real
def test_a_real_pointer_names_the_file_that_it_stands_for(real_files):
    pointer = sniff_file(real_files / "broken/lfs-pointer.pt").pointer

    assert pointer == LfsPointer(
        "4f88c9078bb2238cdd0d8864671dd33e3f42e091e41f08903f3c15e4a54a9b39", 213777
    )
