"""`sdreg merge`."""

import numpy as np
import pytest

from tests.convert.weights import read_file, write_file

OUT = "model.diffusion_model.out.2.weight"


@pytest.fixture
def models(tmp_path):
    return [
        write_file(tmp_path / f"{name}.safetensors", {OUT: np.full((2, 2), value, np.float32)})
        for name, value in (("a", 1.0), ("b", 3.0), ("c", 2.0))
    ]


def test_two_models_are_blended_in_the_middle_unless_somebody_says_more(sdreg, models, tmp_path):
    output = tmp_path / "ab.safetensors"

    ran = sdreg("merge", *models[:2], "--output", output)

    assert f"{output}: 1 of 1 tensors blended" in ran.out
    assert read_file(output)[1][OUT][1].tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_a_program_gets_a_document(sdreg, models, tmp_path):
    told = sdreg.json(
        *("merge", *models, "--method", "add-difference", "--multiplier", "0.5"),
        *("--precision", "fp16", "--output", tmp_path / "abc.safetensors"),
        schema="sdreg.merge/1",
    )

    assert [source["path"] for source in told["sources"]] == [str(path) for path in models]
    assert (told["method"], told["multiplier"], told["merged"]) == ("add-difference", 0.5, 1)
    dtype, values = read_file(tmp_path / "abc.safetensors")[1][OUT]
    assert (dtype, values.tolist()) == ("F16", [[1.5, 1.5], [1.5, 1.5]])


@pytest.mark.parametrize(
    "words", [["--multiplier", "much"], ["--method", "magic"], ["--precision", "fp8"]]
)
def test_wrong_usage_is_told(sdreg, models, tmp_path, words):
    output = tmp_path / "x.safetensors"

    sentence, hint = sdreg.error("merge", *models[:2], "--output", output, *words, expect=2)

    assert words[1] in sentence
    assert hint


def test_models_that_do_not_fit_exit_with_nine(sdreg, models, tmp_path):
    other = write_file(tmp_path / "d.safetensors", {OUT: np.zeros((9, 9), np.float32)})

    sdreg("merge", models[0], other, "--output", tmp_path / "x.safetensors", expect=9)
