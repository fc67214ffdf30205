"""`sdreg smoke`: verdicts for people, one document for programs, 0 only when all passed."""

import numpy as np
import pytest

from registry.domain.smoke import Reason, SmokeResult
from registry.domain.spans import parse_span
from registry.operations import smoke as room
from tests.smoke import builds

UNET = "model.diffusion_model.middle_block.0.in_layers.2.weight"


@pytest.fixture(autouse=True)
def no_extra(monkeypatch):
    monkeypatch.setattr(room, "has_extra", lambda: False)


@pytest.fixture
def broken(tmp_path):
    def change(made):
        made[UNET][0] = np.nan

    return builds.checkpoint(tmp_path / "broken.safetensors", change=change)


def test_a_verdict_stands_before_the_name_and_the_reason_below(sdreg, broken):
    result = sdreg("smoke", broken, expect=10)

    assert result.out.startswith("failed     broken.safetensors\n  why")
    assert UNET in result.out


def test_what_a_pass_leaves_out_stands_below_it(sdreg, tmp_path, monkeypatch):
    told = Reason("partly-tried", "1 of its 13 modules are left out")
    monkeypatch.setattr(room, "has_extra", lambda: True)
    monkeypatch.setattr(room, "run_smoke", lambda *_, **__: SmokeResult("passed", (told,)))
    result = sdreg("smoke", builds.checkpoint(tmp_path / "a.safetensors"))

    assert result.out.startswith("passed     a.safetensors\n  but  1 of its 13 modules are left")


def test_json_is_one_document(sdreg, broken):
    (run,) = sdreg.json("smoke", broken, schema="sdreg.smoke/1", expect=10)["runs"]

    assert {"target", "verdict", "reasons", "device", "dtype", "steps", "size", "seconds",
            "peak_memory_bytes", "image", "compared"} <= run.keys()  # fmt: skip
    assert (run["verdict"], run["reasons"][0]["code"]) == ("failed", "nan-weights-unet")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "needs models or files"),
        (["--all", "x"], "needs models or files"),
        (["x", "--device", "tpu"], "is no device"),
        (["x", "--due", "soon"], "is no length of time"),
        (["nowhere"], "is installed"),
        (["/nowhere/at/all"], "is no file"),
    ],
)
def test_bad_input_gets_one_sentence(sdreg, words, told):
    sentence, hint = sdreg.error("smoke", *words, expect=2)

    assert told in sentence
    assert hint


def test_all_of_nothing_passes(sdreg):
    result = sdreg("smoke", "--all")

    assert (result.code, result.out) == (0, "nothing is due\n")


@pytest.mark.parametrize("text", ["", "90", "d", "-3d", "3 years", "1e3d", "٣d"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(ValueError, match="no length of time"):
        parse_span(text)
