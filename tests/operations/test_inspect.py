"""What is this file: by its content, with reasons, and with what others said of it."""

import json
import pickle
import sys
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save, save_file

import registry as sdreg
from registry.demo import shapes, torch_zip
from registry.domain.variant import FileFormat
from registry.errors import MalformedHeader, UnreadableFile
from registry.operations.inspect import inspect_file

HALF = {name: np.zeros(shape, np.float16) for name, shape in shapes.embedding().items()}
LORA = {
    name: np.zeros(shape, np.float16)
    for name, shape in shapes.sdxl_lora(rank=1).items()
    if "input_blocks_4_1" in name or "te1" in name or "te2" in name
}


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_a_lora_tells_kind_base_and_what_its_maker_recommends(tmp_path):
    metadata = {
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_clip_skip": "2",
        "modelspec.trigger_phrase": "ink wash",
    }
    found = inspect_file(written(tmp_path, "ink.safetensors", save(LORA, metadata)))
    known = found.identity

    assert (known.model_type, known.architecture, known.adapter) == ("lora", "sdxl", "lora")
    assert (known.precision, known.clip_skip, known.trigger_words) == ("fp16", 2, ("ink wash",))
    assert found.metadata == metadata
    assert found.tensors == len(LORA)
    assert found.contradictions == ()
    assert found.reasons[0] == "it is a safetensors file"


def test_a_checkpoint_as_a_pickle_tells_as_much_as_one_in_safetensors(tmp_path):
    weights = {name: np.zeros(shape, np.float16) for name, shape in shapes.checkpoint().items()}
    torch_zip.write_checkpoint(tmp_path / "model.ckpt", weights)
    save_file(weights, tmp_path / "model.safetensors")
    pickled, safe = (
        inspect_file(tmp_path / name, hashes=False) for name in ("model.ckpt", "model.safetensors")
    )

    assert (pickled.format, safe.format) == ("pickle", "safetensors")
    assert replace(pickled.identity, reasons=()) == replace(safe.identity, reasons=())
    assert pickled.identity.model_type == "checkpoint"
    assert pickled.identity.has_vae
    assert pickled.tensors == safe.tensors


class Bomb:
    def __reduce__(self):
        return print, ("a pickle was run",)


def test_a_pickle_with_code_in_it_is_named_and_nothing_of_it_runs(tmp_path, capsys):
    path = written(tmp_path, "model.pt", pickle.dumps({"state_dict": Bomb()}, protocol=2))
    before = set(sys.modules)
    found = inspect_file(path)

    assert found.format is FileFormat.PICKLE
    assert found.identity.model_type == "unknown"
    assert any("print" in reason for reason in found.reasons)
    assert "a pickle was run" not in capsys.readouterr().out
    assert not {name for name in set(sys.modules) - before if name.startswith("torch")}


def test_a_pickle_that_calls_itself_safetensors_is_called_a_pickle(tmp_path):
    torch_zip.write_checkpoint(tmp_path / "model.SafeTensors", HALF)
    found = inspect_file(tmp_path / "model.SafeTensors")

    assert found.format is FileFormat.PICKLE
    assert found.contradictions == ("its name says safetensors, but its content is pickle",)


@pytest.mark.parametrize(
    ("content", "format_", "what"),
    [
        (b"<!doctype html><title>Log in</title>", "other", 'an HTML page ("Log in")'),
        (b'{"error": "no"}', "other", 'a JSON error ("no")'),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "other", "a PNG picture"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "zip", "a 7z archive"),
        (b"\x1f\x8b\x08\0", "zip", "a gzip archive"),
        (b"", "other", "an empty file"),
    ],
)
def test_what_is_no_model_is_told_as_what_it_is(tmp_path, content, format_, what):
    found = inspect_file(written(tmp_path, "model.ckpt", content))

    assert (found.format, found.what, found.identity.model_type) == (format_, what, "unknown")
    assert found.tensors is None


def test_a_pointer_says_what_it_stands_for(tmp_path):
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 77\n"
    found = inspect_file(written(tmp_path, "model.pt", text.encode()))

    assert found.reasons[1] == f"it stands for 77 bytes with sha256 {'ab' * 32}"


@pytest.mark.parametrize("content", [b"", b"\r\n", bytes(100), b"\x07\x01\x02"])
def test_a_broken_safetensors_file_is_refused_with_the_rule(tmp_path, content):
    with pytest.raises(MalformedHeader):
        inspect_file(written(tmp_path, "model.safetensors", content))


def test_a_name_that_lies_is_contradicted(tmp_path):
    found = inspect_file(written(tmp_path, "neg-fp32-pruned.safetensors", save(HALF)))

    assert found.contradictions == ("its name says fp32, but its content is fp16",)


def test_metadata_that_lie_are_contradicted(tmp_path):
    content = save(HALF, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"})

    assert inspect_file(written(tmp_path, "a.safetensors", content)).contradictions == (
        "its metadata say lora, but its content is embedding",
        "its metadata say sdxl, but its content is sd1",
    )


@pytest.mark.parametrize("key", ["sshs_model_hash", "modelspec.hash_sha256"])
def test_tensors_that_are_not_those_of_the_metadata_are_told(tmp_path, key):
    right = inspect_file(written(tmp_path, "a.safetensors", save(HALF))).hashes["addnet"]
    told = {"right": f"0x{right}", "nothing": "e3b0c44298fc1c149afbf4c8996fb924"}
    told["nothing"] += "27ae41e4649b934ca495991b7852b855"
    for text in told.values():
        path = written(tmp_path, "b.safetensors", save(HALF, {key: text}))
        assert inspect_file(path).contradictions == ()

    path = written(tmp_path, "c.safetensors", save(HALF, {key: "12" * 32}))
    (sentence,) = inspect_file(path).contradictions
    assert sentence.startswith(f"{key} of its metadata says 121212121212, but")


def test_seven_gigabytes_are_inspected_in_milliseconds_without_reading_tensors(tmp_path):
    path = tmp_path / "large.safetensors"
    piece = 3_500_000
    names = [f"model.diffusion_model.input_blocks.{n}.weight" for n in range(2000)]
    header = {
        name: {
            "dtype": "F16",
            "shape": [piece // 2],
            "data_offsets": [place * piece, (place + 1) * piece],
        }
        for place, name in enumerate([*names[1:], "first_stage_model.x"])
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 2000 * piece)  # a hole: the disk holds only the header
    inspect_file(path)

    begun_s = time.perf_counter()
    found = inspect_file(path)
    took_s = time.perf_counter() - begun_s

    assert found.size_bytes > 7e9
    assert (found.tensors, found.identity.model_type) == (2000, "checkpoint")
    assert set(found.hashes) == {"autov1"}
    assert took_s < 1, "milliseconds; a busy machine is given a second"


def test_hashes_are_read_for_small_files_and_where_they_are_asked_for(tmp_path, monkeypatch):
    path = written(tmp_path, "a.safetensors", save(HALF))
    assert set(inspect_file(path).hashes) == {
        *("sha256", "blake3", "crc32", "autov2", "autov3", "addnet")
    }
    assert inspect_file(path, hashes=False).hashes == {}
    monkeypatch.setattr("registry.operations.inspect.SMALL_FILE_BYTES", 100)
    assert inspect_file(path).hashes == {}
    found = inspect_file(path, hashes=True).hashes
    assert found["addnet"].startswith(found["autov3"])
    assert len(found["autov3"]) == 12


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        sdreg.inspect_file(tmp_path / "nothing.safetensors")


def test_a_catalog_that_cannot_be_asked_is_no_reason_not_to_look(tmp_path):
    path = written(tmp_path, "a.safetensors", save(HALF))
    registry = sdreg.Registry.open(tmp_path / "home")
    registry.settings.home.mkdir()
    registry.settings.catalog_file.write_bytes(b"no database" * 1000)

    found = registry.inspect(str(path))

    assert found.identity.model_type == "embedding"
    assert found.reasons[-1].startswith("the catalog could not be asked what was said about it: ")


def test_an_archive_of_arrays_and_a_program_are_named(tmp_path):
    np.savez(tmp_path / "weights.npz", a=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "program.pt", "w") as archive:
        for name in ("data.pkl", "code/__torch__.py", "constants.pkl", "version"):
            archive.writestr(f"program/{name}", b"x")

    assert inspect_file(tmp_path / "weights.npz").what == "a NumPy archive (npz)"
    assert inspect_file(tmp_path / "program.pt").what == "a TorchScript program (zip)"


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "kind", "base", "precision"),
    [
        ("embeddings/EasyNegative.pt", "embedding", "sd1", "fp32"),
        ("embeddings/EasyNegative.safetensors", "embedding", "sd1", "fp32"),
        ("embeddings/badhandv4.pt", "embedding", "sd1", "fp32"),
        ("embeddings/bad-hands-5.pt", "embedding", "sd1", "fp32"),
        ("loras/analog_svd_rank4.safetensors", "lora", "sd1", "fp16"),
        ("torch/dncnn_25.pth", "unknown", "unknown", "fp32"),
        ("torch/vae-approx.pt", "unknown", "unknown", "fp32"),
    ],
)
def test_real_files_are_known(real_files, name, kind, base, precision):
    known = inspect_file(real_files / name).identity

    assert (known.model_type, known.architecture, known.precision) == (kind, base, precision)


@pytest.mark.real
def test_a_real_file_that_an_editor_damaged_is_refused(real_files):
    with pytest.raises(MalformedHeader):
        inspect_file(real_files / "broken/vae-approx-crlf.pt")
