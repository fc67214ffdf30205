"""What was said against what is: only what cannot both be true is a contradiction."""

import pytest

from registry.domain.variant import FileFormat, Precision, Pruning, Variant
from registry.taxonomy.claims import Claim, claim_of_metadata, contradictions
from registry.taxonomy.identify import Identity

SAFE = FileFormat.SAFETENSORS


def claimed(**changes):
    return Claim(**{"by": "published as", "model_type": "checkpoint", "base": "sd1", **changes})


def is_so(**changes):
    return Identity(**{"model_type": "checkpoint", "architecture": "sd1", **changes})


def said_wrong(claim, found, form=SAFE):
    return [(each.about, each.said, each.found) for each in contradictions(claim, found, form)]


@pytest.mark.parametrize(
    ("claim", "found", "about"),
    [
        ({"model_type": "lora"}, {}, [("type", "lora", "checkpoint")]),
        ({"model_type": "lora"}, {"model_type": "lycoris"}, []),
        ({"model_type": "other"}, {}, []),
        ({"model_type": "hologram"}, {}, []),
        ({"model_type": None}, {}, []),
        ({}, {"model_type": "unknown"}, []),
        ({"base": "sdxl"}, {}, [("base", "sdxl", "sd1")]),
        ({"base": "sdxl-pony"}, {"architecture": "sdxl"}, []),
        ({"base": "sdxl"}, {"architecture": "sdxl-refiner"}, []),
        ({"base": "sd1+sdxl"}, {}, []),
        ({"base": "any"}, {}, []),
        ({"base": "betamax"}, {}, []),
        ({"base": None}, {}, []),
        ({"base": "sdxl"}, {"architecture": "unknown"}, []),
        (
            {"inpainting": True},
            {},
            [("inpainting", "a model for inpainting", "one that reads no mask")],
        ),
        ({}, {"inpainting": True}, [("inpainting", "a normal model", "one for inpainting")]),
        ({"inpainting": True}, {"inpainting": True}, []),
        ({"prediction": "epsilon"}, {"prediction": "eps"}, []),
        (
            {"prediction": "epsilon"},
            {"prediction": "v_prediction"},
            [("prediction", "eps", "v_prediction")],
        ),
        ({"prediction": "eps"}, {"prediction": None}, []),
    ],
)
def test_a_contradiction_is_only_what_cannot_be(claim, found, about):
    assert said_wrong(claimed(**claim), is_so(**found)) == about


@pytest.mark.parametrize(
    ("said", "found", "wrong"),
    [
        (Pruning.FULL, Pruning.PRUNED, True),
        (Pruning.PRUNED, Pruning.FULL, True),
        (Pruning.EMA_ONLY, Pruning.FULL, True),
        (Pruning.EMA_ONLY, Pruning.PRUNED, False),  # under the usual names both look alike
        (Pruning.PRUNED, Pruning.EMA_ONLY, False),
        (None, Pruning.FULL, False),
        (Pruning.FULL, None, False),
    ],
)
def test_pruning_is_compared_where_the_header_can_tell(said, found, wrong):
    claim = claimed(variant=Variant(SAFE, None, said))

    assert bool(contradictions(claim, is_so(pruning=found), SAFE)) is wrong


def test_a_precision_and_a_format_are_compared_in_words():
    claim = claimed(variant=Variant(FileFormat.PICKLE, Precision.FP16))
    wrong = contradictions(claim, is_so(precision=Precision.FP32), SAFE)

    assert [str(each) for each in wrong] == [
        "published as pickle, but its content is safetensors",
        "published as fp16, but its content is fp32",
    ]


def test_what_is_not_said_or_not_known_contradicts_nothing():
    nothing = Identity(model_type="unknown", architecture="unknown")

    assert contradictions(Claim("its name says"), is_so(precision=Precision.FP16), SAFE) == ()
    assert contradictions(claimed(), nothing, SAFE) == ()
    assert contradictions(claimed(), nothing, FileFormat.OTHER) == ()


def test_a_files_own_metadata_may_be_wrong_about_it():
    claim = claim_of_metadata({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"})

    assert said_wrong(claim, is_so()) == [
        ("type", "lora", "checkpoint"),
        ("base", "sdxl", "sd1"),
    ]
    assert claim_of_metadata({}) == Claim("its metadata say")
