"""Two or three models become one: the numbers of A1111, and a file that says what it is."""

import hashlib
import json

import numpy as np
import pytest

from registry.demo.torch_zip import write_checkpoint
from registry.domain.progress import Progress
from registry.domain.variant import Precision
from registry.errors import CannotMerge, InvalidArgument
from registry.operations.merge_files import merge_files
from tests.convert.weights import read_file, write_file

OUT = "model.diffusion_model.out.2.weight"
IN = "model.diffusion_model.input_blocks.0.0.weight"
IDS = "cond_stage_model.transformer.text_model.embeddings.position_ids"


def noise(seed, shape=(40, 30), kind=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(kind)


@pytest.fixture
def models(tmp_path):
    """Three models; the first has a layer of its own, and what must stay as it is."""
    return [
        write_file(
            tmp_path / f"{name}.safetensors",
            {
                OUT: noise(seed),
                IDS: np.arange(77)[None] + seed,
                "betas": noise(seed, (5,)),
                f"model.only_{name}": noise(seed, (3,)),
            },
            {"modelspec.title": name, "ss_output_name": name, "sshs_model_hash": "00"},
        )
        for seed, name in enumerate("abc")
    ]


def merge(models, **wishes):
    output = models[0].with_name("merged.safetensors")
    return merge_files(models, output, Progress(), durable=False, **wishes)


def test_a_weighted_sum_blends_and_keeps_the_rest_of_the_first(models):
    done = merge(models[:2], multiplier=0.25)

    metadata, found = read_file(done.output)
    a, b = (read_file(path)[1] for path in models[:2])
    expected = a[OUT][1] * np.float32(0.75) + b[OUT][1] * np.float32(0.25)
    assert np.array_equal(found[OUT][1], expected)
    for kept in (IDS, "betas", "model.only_a"):
        assert np.array_equal(found[kept][1], a[kept][1])
    assert set(found) == set(a)
    assert (done.merged, done.dropped) == (1, ("model.only_b",))
    assert metadata["modelspec.title"] == "a"
    assert done.sha256 == hashlib.sha256(done.output.read_bytes()).hexdigest()


def test_a_difference_is_added(models):
    done = merge(models, method="add-difference", multiplier=0.5)

    a, b, c = (read_file(path)[1][OUT][1] for path in models)
    assert np.array_equal(read_file(done.output)[1][OUT][1], a + np.float32(0.5) * (b - c))


@pytest.mark.parametrize(("source", "wished"), [("F16", None), ("F32", Precision.FP16)])
def test_in_fp16_it_is_within_one_step_of_torch(tmp_path, source, wished):
    torch = pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")
    kind = {"F16": np.float16, "F32": np.float32}[source]
    paths = [
        write_file(tmp_path / f"{n}.safetensors", {OUT: noise(n, (500, 700), kind)})
        for n in range(2)
    ]

    done = merge(paths, multiplier=0.3, precision=wished)

    a, b = (torch.from_numpy(read_file(path)[1][OUT][1].astype(np.float32)) for path in paths)
    expected = ((1 - 0.3) * a + 0.3 * b).half().numpy()
    got = read_file(done.output)[1][OUT][1]
    steps = abs(got.view(np.int16).astype(int) - expected.view(np.int16).astype(int))
    assert steps.max() <= 1


def test_an_inpainting_model_keeps_the_channels_that_the_other_lacks(tmp_path):
    wide, plain = noise(1, (6, 9, 3, 3)), noise(2, (6, 4, 3, 3))
    paths = [
        write_file(tmp_path / "inpaint.safetensors", {IN: wide}),
        write_file(tmp_path / "plain.safetensors", {IN: plain}),
    ]

    done = merge(paths, multiplier=0.5)

    found = read_file(done.output)[1][IN][1]
    half = np.float32(0.5)
    assert done.inpainting
    assert np.array_equal(found[:, :4], wide[:, :4] * half + plain * half)
    assert np.array_equal(found[:, 4:], wide[:, 4:])
    assert json.loads(done.metadata["sd_merge_recipe"])["is_inpainting"] is True


def test_the_result_says_what_a1111_would_say(models, tmp_path):
    done = merge(models[:2], multiplier=0.25, precision=Precision.FP16)
    again = merge_files(
        [done.output, models[2]], tmp_path / "again.safetensors", Progress(), durable=False
    )

    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in models]
    recipe = json.loads(done.metadata["sd_merge_recipe"])
    assert recipe == {
        "type": "sdreg",
        "primary_model_hash": hashes[0],
        "secondary_model_hash": hashes[1],
        "tertiary_model_hash": None,
        "interp_method": "Weighted sum",
        "multiplier": 0.25,
        "save_as_half": True,
        "custom_name": "merged",
        "config_source": 3,
        "bake_in_vae": "None",
        "discard_weights": "",
        "is_inpainting": False,
        "is_instruct_pix2pix": False,
    }
    ancestors = json.loads(again.metadata["sd_merge_models"])
    assert set(ancestors) == {*hashes, done.sha256}
    assert ancestors[done.sha256]["sd_merge_recipe"] == recipe
    assert ancestors[hashes[0]] == {
        "name": "a.safetensors",
        "legacy_hash": "e3b0c442",  # A1111's old hash of a file under a megabyte
        "sd_merge_recipe": None,
    }
    assert again.metadata["derived_from"] == f"sha256:{done.sha256}, sha256:{hashes[2]}"
    assert "sshs_model_hash" not in again.metadata


def test_pickles_are_merged_too(tmp_path):
    values = [noise(1), noise(2)]
    paths = [tmp_path / "a.ckpt", tmp_path / "b.ckpt"]
    for path, value in zip(paths, values, strict=True):
        write_checkpoint(path, {OUT: value})

    done = merge(paths, multiplier=1.0)

    assert np.array_equal(read_file(done.output)[1][OUT][1], values[1])
    assert sum(rule["count"] for rule in done.renamed) == 2


@pytest.mark.parametrize(
    ("wishes", "because"),
    [
        ({"method": "add-difference"}, "takes 3 models, and 2 were named"),
        ({"method": "average"}, "is not known"),
        ({"multiplier": 1.5}, "is no share"),
        ({"multiplier": float("nan")}, "is no share"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(models, wishes, because):
    with pytest.raises(InvalidArgument, match=because):
        merge(models[:2], **wishes)


def test_models_that_do_not_fit_leave_nothing(tmp_path):
    paths = [
        write_file(tmp_path / "sd1.safetensors", {OUT: noise(1, (4, 768))}),
        write_file(tmp_path / "sd2.safetensors", {OUT: noise(1, (4, 1024))}),
    ]

    with pytest.raises(CannotMerge, match=r"sd1\.safetensors and sd2\.safetensors"):
        merge(paths)

    assert not (tmp_path / "merged.safetensors").exists()
