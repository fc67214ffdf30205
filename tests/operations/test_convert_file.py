"""From a pickle to a safetensors file: everything is there, right, told, or nothing was written."""

import hashlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from registry.convert.casting import to_fp32
from registry.demo.torch_zip import write_checkpoint
from registry.domain.progress import Progress
from registry.domain.variant import Precision
from registry.errors import (
    CannotConvert,
    InvalidArgument,
    MalformedHeader,
    NotAModelFile,
    NotEnoughSpace,
    PickleRefused,
    UnreadableFile,
)
from registry.formats.safetensors import read_index
from registry.operations.convert_file import convert_file
from tests.convert.weights import read_file, write_file

NOISE = np.random.default_rng(11)
SMALL = {
    "model.diffusion_model.out.2.weight": NOISE.standard_normal((4, 8, 3, 3), np.float32),
    "model_ema.diffusion_modelout2weight": NOISE.standard_normal((4, 8, 3, 3), np.float32),
    "cond_stage_model.transformer.encoder.layers.0.bias": NOISE.standard_normal(8, np.float32),
    "first_stage_model.decoder.conv_in.weight": NOISE.standard_normal((8, 4), np.float32),
}


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "small.ckpt"
    write_checkpoint(path, SMALL)
    return path


def convert(source, **wishes):
    output = source.with_name("out.safetensors")
    return convert_file(source, output, Progress(), durable=False, **wishes)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


# ── what comes out ────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_becomes_safetensors_and_says_what_it_was(checkpoint):
    before = checkpoint.read_bytes()

    done = convert(checkpoint)

    metadata, found = read_file(done.output)
    assert {name: values.tolist() for name, (_, values) in found.items()} == {
        name.replace("transformer.encoder", "transformer.text_model.encoder"): values.tolist()
        for name, values in SMALL.items()
    }
    digits = hashlib.sha256(before).hexdigest()
    assert metadata == {"format": "pt", "derived_from": f"sha256:{digits}"} == done.metadata
    assert done.sha256 == hashlib.sha256(done.output.read_bytes()).hexdigest()
    assert done.source_sha256 == digits
    assert done.size_bytes == done.output.stat().st_size
    assert done.tensors == 4
    assert [(rule["before"], rule["count"]) for rule in done.renamed] == [
        ("state_dict.", 4),
        ("cond_stage_model.transformer.encoder.", 1),
    ]
    assert checkpoint.read_bytes() == before
    assert leftovers(checkpoint.parent) == ["out.safetensors", "small.ckpt"]


def test_pruning_to_fp16_halves_what_is_needed_and_tells_what_is_gone(checkpoint):
    done = convert(checkpoint, precision=Precision.FP16, prune=True)

    _, found = read_file(done.output)
    assert [each["name"] for each in done.dropped] == ["model_ema.diffusion_modelout2weight"]
    assert {dtype for dtype, _ in found.values()} == {"F16"}
    out = "model.diffusion_model.out.2.weight"
    assert np.array_equal(found[out][1], SMALL[out].astype(np.float16))


def test_the_averaged_weights_can_be_taken(checkpoint):
    done = convert(checkpoint, take_averages=True)

    _, found = read_file(done.output)
    out = "model.diffusion_model.out.2.weight"
    assert np.array_equal(found[out][1], SMALL["model_ema.diffusion_modelout2weight"])
    assert [each["name"] for each in done.replaced] == [out]


def test_a_vae_is_baked_in_and_both_files_are_named_as_parents(checkpoint, tmp_path):
    conv_in = np.full((8, 4), 2.5, np.float32)
    vae = write_file(tmp_path / "vae.safetensors", {"decoder.conv_in.weight": conv_in})

    done = convert(checkpoint, vae=vae)

    metadata, found = read_file(done.output)
    assert np.array_equal(found["first_stage_model.decoder.conv_in.weight"][1], conv_in)
    for path in (checkpoint, vae):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in metadata["derived_from"]


def test_a_safetensors_file_changes_its_precision_and_keeps_what_it_says(tmp_path):
    values = np.array([1.0, 1e6, -1e6, 2.0], np.float32)
    source = write_file(
        tmp_path / "in.safetensors",
        {"a": values, "position_ids": np.arange(3)},
        {"ss_output_name": "ink", "sshs_model_hash": "00", "modelspec.title": "Ink"},
    )

    done = convert(source, precision=Precision.FP16)

    metadata, found = read_file(done.output)
    assert found["a"][1].tolist() == [1.0, np.inf, -np.inf, 2.0]
    assert found["position_ids"][0] == "I64"
    assert done.overflows == ({"name": "a", "count": 2},)
    assert metadata["ss_output_name"] == "ink"
    assert metadata["modelspec.title"] == "Ink"
    assert done.left_metadata == ("sshs_model_hash",)


def test_bf16_and_back_loses_only_what_it_must(tmp_path):
    values = NOISE.standard_normal(1000, np.float32)
    source = write_file(tmp_path / "in.safetensors", {"a": values})

    done = convert(source, precision=Precision.BF16)

    dtype, found = read_file(done.output)[1]["a"]
    assert dtype == "BF16"
    assert np.allclose(to_fp32(found, "BF16"), values, rtol=2**-8)


# ── torch as the oracle ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_every_tensor_of_a_zoo_is_byte_identical(torch, tmp_path, legacy):
    base = torch.arange(24, dtype=torch.float32)
    big = torch.randn(600, 700)
    zoo = {
        "plain": torch.randn(3, 4),
        "half": torch.randn(5).half(),
        "bf16": torch.randn(5).bfloat16(),
        "double": torch.randn(5).double(),
        "ids": torch.arange(77)[None],
        "bool": torch.tensor([True, False, True]),
        "int8": torch.tensor([-1, 2], dtype=torch.int8),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "tied": base,
        "also tied": base,
        "middle": base[5:17],
        "transposed": big.t(),
        "stepped": big[::3, ::2],
        "expanded": torch.randn(3, 1).expand(3, 50),
        "permuted": torch.randn(4, 5, 6).permute(2, 0, 1),
    }
    source = tmp_path / "zoo.pt"
    saved = {"state_dict": zoo, "global_step": 7}
    torch.save(saved, source, _use_new_zipfile_serialization=not legacy)

    done = convert(source)

    raw = done.output.read_bytes()
    index = {tensor.name: tensor for tensor in read_index(done.output).tensors}
    assert index.keys() == zoo.keys()
    for name, tensor in zoo.items():
        expected = tensor.detach().contiguous()
        assert index[name].shape == tuple(tensor.shape), name
        numbers = expected.reshape(-1).view(torch.uint8) if expected.numel() else expected
        assert raw[index[name].begin : index[name].end] == numbers.numpy().tobytes(), name
    assert {"name": "also tied", "same_as": "tied"} in done.duplicated
    assert done.metadata["global_step"] == "7"


def test_a_textual_inversion_gets_the_name_that_uis_read(torch, tmp_path):
    vectors = torch.randn(2, 768)
    source = tmp_path / "ti.pt"
    torch.save(
        {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "ti", "step": 9},
        source,
    )

    done = convert(source)

    _, found = read_file(done.output)
    assert list(found) == ["emb_params"]
    assert np.array_equal(found["emb_params"][1], vectors.numpy())
    assert (done.metadata["name"], done.metadata["step"]) == ("ti", "9")


def test_a_hypernetwork_keeps_its_structure_and_says_that_uis_do_not_read_it(torch, tmp_path):
    layer = {"linear.0.weight": torch.randn(4, 4)}
    source = tmp_path / "hyper.pt"
    torch.save({768: (layer, layer), "layer_structure": [1, 2, 1], "name": "hyper"}, source)

    done = convert(source)

    _, found = read_file(done.output)
    assert sorted(found) == ["768.0.linear.0.weight", "768.1.linear.0.weight"]
    assert done.metadata["layer_structure"] == "[1, 2, 1]"
    assert "no UI that we know of" in done.notes[0]


def test_every_readable_file_made_by_strangers_is_converted(real_files, tmp_path, torch):
    for source in [*real_files.glob("embeddings/*.pt"), *real_files.glob("torch/*")]:
        output = tmp_path / f"{source.stem}.safetensors"
        convert_file(source, output, Progress(), durable=False)
        index = read_index(output)
        assert index.tensors, source
        oracle = {}
        _flatten(torch.load(source, map_location="cpu", weights_only=True), oracle)
        held = sorted(value.numpy().tobytes() for value in oracle.values())
        raw = output.read_bytes()
        assert sorted(raw[each.begin : each.end] for each in index.tensors) == held, source


def _flatten(value, found, at=()):
    if hasattr(value, "numpy"):
        found[at] = value.detach()
    elif isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, found, (*at, key))


def test_the_same_embedding_in_both_forms_is_the_same(real_files, tmp_path):
    output = tmp_path / "out.safetensors"

    convert_file(real_files / "embeddings" / "EasyNegative.pt", output, Progress(), durable=False)

    _, ours = read_file(output)
    _, published = read_file(real_files / "embeddings" / "EasyNegative.safetensors")
    assert ours["emb_params"][1].tolist() == published["emb_params"][1].tolist()


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_there_is_left_as_it_is(checkpoint):
    taken = checkpoint.with_name("out.safetensors")
    taken.write_bytes(b"mine")

    with pytest.raises(InvalidArgument, match="exists already"):
        convert(checkpoint)

    assert taken.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["out.ckpt", "out", "missing/out.safetensors"])
def test_a_name_that_uis_would_misread_is_refused(checkpoint, name):
    with pytest.raises(InvalidArgument):
        convert_file(checkpoint, checkpoint.parent / name, Progress())


def test_a_pickle_with_code_in_it_is_refused_and_nothing_is_written(tmp_path):
    source = tmp_path / "evil.ckpt"
    source.write_bytes(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.")

    with pytest.raises(PickleRefused, match="posix"):
        convert(source)

    assert leftovers(tmp_path) == ["evil.ckpt"]


def test_a_damaged_checkpoint_is_refused(checkpoint):
    raw = bytearray(checkpoint.read_bytes())
    at = raw.index(SMALL["first_stage_model.decoder.conv_in.weight"].tobytes())
    raw[at + 5] ^= 1
    checkpoint.write_bytes(raw)

    with pytest.raises(MalformedHeader, match="checksum"):
        convert(checkpoint)

    assert leftovers(checkpoint.parent) == ["small.ckpt"]


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    page = tmp_path / "model.ckpt"
    page.write_text("<!doctype html><title>Log in</title>")

    with pytest.raises(NotAModelFile, match="an HTML page"):
        convert(page)
    with pytest.raises(UnreadableFile):
        convert(tmp_path / "nothing.ckpt")


def test_averages_that_are_not_there_are_refused_with_advice(tmp_path):
    source = write_file(tmp_path / "in.safetensors", {"a": np.zeros(3, np.float32)})

    with pytest.raises(CannotConvert) as caught:
        convert(source, take_averages=True)

    assert caught.value.hint == "Convert it without `--ema`."


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    source = write_file(tmp_path / "in.safetensors", {"a": np.zeros(300_000, np.float32)})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))

    with pytest.raises(NotEnoughSpace):
        convert(source)

    assert leftovers(tmp_path) == ["in.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_disk_that_fails_while_it_is_written_leaves_nothing(tmp_path):
    source = write_file(tmp_path / "in.safetensors", {"a": np.zeros(300_000, np.float32)})
    script = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
    script += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + CONVERT

    done = subprocess.run(
        [sys.executable, "-c", script, source, tmp_path / "out.safetensors"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "StoreUnwritable" in done.stderr
    assert leftovers(tmp_path) == ["in.safetensors"]


CONVERT = """
import sys
from pathlib import Path
from registry.domain.progress import Progress
from registry.operations.convert_file import convert_file

class Told(Progress):
    def advance(self, count):
        print(count, flush=True)

convert_file(Path(sys.argv[1]), Path(sys.argv[2]), Told())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("form", ["ckpt", "safetensors"])
def test_a_run_that_is_killed_leaves_nothing_under_the_name(tmp_path, form):
    source = tmp_path / f"in.{form}"
    big = {f"t{n}": np.zeros(4_000_000, np.float32) for n in range(3)}
    if form == "ckpt":
        write_checkpoint(source, big)
    else:
        write_file(source, big)
    before = hashlib.sha256(source.read_bytes()).digest()
    output = tmp_path / "out.safetensors"
    with subprocess.Popen(
        [sys.executable, "-c", CONVERT, source, output], stdout=subprocess.PIPE
    ) as run:
        assert run.stdout.readline()  # some of it is written by now
        run.kill()

    assert run.returncode == -signal.SIGKILL
    assert leftovers(tmp_path) == [source.name]
    assert hashlib.sha256(source.read_bytes()).digest() == before
