"""Which tensors are blended, and how: the rules of A1111's merger."""

from pathlib import Path

import numpy as np
import pytest

from registry.convert.blend import Method, Recipe, blend, plan_merge
from registry.domain.variant import Precision
from registry.errors import CannotMerge
from tests.convert.weights import tensor, weight_file

SUM, DIFFERENCE = Method.WEIGHTED_SUM, Method.ADD_DIFFERENCE
OUT = "model.diffusion_model.out.2.weight"
IN = "model.diffusion_model.input_blocks.0.0.weight"
IDS = "cond_stage_model.transformer.text_model.embeddings.position_ids"


def models(*contents):
    return [
        weight_file(Path(f"{letter}.safetensors"), *tensors)
        for letter, tensors in zip("ABC", contents, strict=False)
    ]


def merged(*contents, method=SUM, precision=None):
    return plan_merge(models(*contents), Recipe(method, 0.3, precision))


def parts(made):
    return {mix.name: len(mix.parts) for mix in made.mixes}


def test_what_both_have_is_blended_and_the_rest_is_told():
    made = merged(
        [tensor(OUT), tensor("model.only_a"), tensor("betas"), tensor(IDS, dtype="I64")],
        [tensor(OUT), tensor("model.only_b"), tensor("betas"), tensor(IDS, dtype="I64")],
    )

    assert parts(made) == {OUT: 2, "model.only_a": 1, "betas": 1, IDS: 1}
    assert made.kept == ("model.only_a", "betas", IDS)
    assert made.dropped == ("model.only_b",)


def test_names_are_compared_after_they_were_put_right():
    made = merged([tensor("state_dict", OUT)], [tensor(OUT)])

    assert parts(made) == {OUT: 2}


def test_positions_are_never_blended_although_they_float():
    made = merged([tensor(IDS), tensor(OUT)], [tensor(IDS), tensor(OUT)])

    assert parts(made)[IDS] == 1


def test_a_difference_to_nothing_counts_as_none():
    made = merged(
        [tensor(OUT), tensor("model.x")],
        [tensor(OUT), tensor("model.x")],
        [tensor(OUT)],
        method=DIFFERENCE,
    )

    assert parts(made) == {OUT: 3, "model.x": 1}


@pytest.mark.parametrize(("channels", "flag"), [(9, "inpainting"), (8, "editing")])
def test_a_model_with_more_channels_keeps_those_that_the_other_lacks(channels, flag):
    made = merged([tensor(IN, shape=(2, channels, 3, 3))], [tensor(IN, shape=(2, 4, 3, 3))])

    assert made.mixes[0].channels == 4
    assert getattr(made, flag)


@pytest.mark.parametrize(
    ("one", "other", "because"),
    [
        ((2, 4, 3, 3), (2, 9, 3, 3), "the inpainting model must be named first"),
        ((2, 4, 3, 3), (2, 8, 3, 3), "the editing model must be named first"),
        ((320, 768), (320, 1024), r"has the shape \(320, 768\) in the one and \(320, 1024\)"),
        ((2, 7, 3, 3), (2, 4, 3, 3), "has the shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(one, other, because):
    with pytest.raises(CannotMerge, match=because):
        merged([tensor(IN, shape=one)], [tensor(IN, shape=other)])


def test_models_that_share_nothing_are_refused():
    with pytest.raises(CannotMerge, match="no weight of the one has its counterpart"):
        merged([tensor("lora_unet_x")], [tensor("lora_unet_x")])


def test_fp8_is_refused_rather_than_blended_wrongly():
    with pytest.raises(CannotMerge, match="F8_E4M3"):
        merged([tensor(OUT, dtype="F8_E4M3")], [tensor(OUT, dtype="F8_E4M3")])


@pytest.mark.parametrize(
    ("one", "other", "precision", "expected"),
    [
        ("F16", "F16", None, "F16"),
        ("F32", "F16", None, "F32"),
        ("F16", "BF16", None, "F32"),
        ("F32", "F32", Precision.FP16, "F16"),
        ("F64", "F64", None, "F32"),
    ],
)
def test_the_result_has_the_format_that_holds_both(one, other, precision, expected):
    made = merged([tensor(OUT, dtype=one)], [tensor(OUT, dtype=other)], precision=precision)

    assert made.mixes[0].dtype == expected


@pytest.mark.parametrize("multiplier", [0.0, 0.3, 0.5, 0.7071, 1.0])
def test_the_arithmetic_is_that_of_torch_bit_by_bit(multiplier):
    torch = pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")
    a, b, c = (torch.randn(10_000, generator=torch.Generator().manual_seed(n)) for n in range(3))

    total = blend(Recipe(SUM, multiplier), a.numpy(), b.numpy(), None)
    moved = blend(Recipe(DIFFERENCE, multiplier), a.numpy(), b.numpy(), c.numpy())

    assert np.array_equal(total, (((1 - multiplier) * a) + (multiplier * b)).numpy())
    assert np.array_equal(moved, (a + (multiplier * (b - c))).numpy())
