"""A picture, or none: decided over arrays."""

import numpy as np
import pytest

from registry.smoke import judge
from registry.smoke.sample import made_up


def codes(judgement):
    return [reason.code for reason in judgement[0]]


def test_a_made_up_picture_is_one():
    reasons, figures = judge.judge_picture(made_up(64, 64))

    assert reasons == ()
    assert figures["neighbours"] > 0.8
    assert figures["contrast"] > 20


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (np.zeros((64, 64, 3), np.float32), "black-picture"),
        (np.full((64, 64, 3), 0.5, np.float32), "constant-picture"),
        (np.full((64, 64, 3), np.nan, np.float32), "nan-pixels"),
        (np.random.default_rng(0).random((64, 64, 3), np.float32), "noise"),
    ],
)
def test_what_is_no_picture_is_named(picture, code):
    assert codes(judge.judge_picture(picture)) == [code]


@pytest.mark.parametrize(
    ("latents", "expected"),
    [
        (np.random.default_rng(0).standard_normal((1, 4, 8, 8)), []),
        (np.zeros((1, 4, 8, 8)), ["constant-latents"]),
        (np.random.default_rng(0).standard_normal((1, 4, 8, 8)) * 1e5, ["exploding-latents"]),
        (np.array([[0.0, np.inf]]), ["nan-latents"]),
    ],
)
def test_latents_are_judged_by_their_moments(latents, expected):
    assert codes(judge.judge_latents(latents.astype(np.float32))) == expected


def test_an_adapter_must_make_a_difference():
    latents = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)

    assert codes(judge.judge_difference(latents, latents, "lora")) == ["no-effect"]
    reasons, figures = judge.judge_difference(latents, latents + 0.1, "lora")
    assert reasons == ()
    assert figures["difference"] == pytest.approx(0.1 / latents.std(), rel=1e-3)


def test_the_perceptual_hash_bears_noise_and_not_another_picture():
    picture = made_up(64, 64)
    noisy = picture + np.random.default_rng(0).normal(0, 0.01, picture.shape).astype(np.float32)
    first, second, other = map(judge.perceptual_hash, (picture, noisy, picture[::-1, ::-1]))

    assert len(first) == 16
    assert (int(first, 16) ^ int(second, 16)).bit_count() <= 10
    assert (int(first, 16) ^ int(other, 16)).bit_count() > 10


@pytest.mark.parametrize(
    ("now", "digits", "expected"),
    [
        ({"latent_mean": 0.1, "latent_std": 1.0}, "00000000000000ff", "same"),
        ({"latent_mean": 0.12, "latent_std": 1.01}, "00000000000000fe", "close"),
        ({"latent_mean": 0.1, "latent_std": 1.0}, "ffffffffffffff00", "changed"),
        ({"latent_mean": 0.9, "latent_std": 1.0}, "00000000000000ff", "changed"),
    ],
)
def test_runs_are_compared(now, digits, expected):
    before = {"latent_mean": 0.1, "latent_std": 1.0}

    assert judge.compare(before, "00000000000000ff", now, digits) == expected
