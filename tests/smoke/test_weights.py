"""The weights tell much before anything is run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.readable import readable
from registry.formats.safetensors import read_index
from registry.smoke import layout
from registry.smoke.weights import check_keys, check_weights
from tests.smoke import builds

UNET = "model.diffusion_model.middle_block.0.in_layers.2.weight"
VAE = "first_stage_model.decoder.conv_out.weight"


def look(path, model_type="checkpoint"):
    index = read_index(path)
    with readable(path) as source:
        found = (*check_keys(index, model_type), *check_weights(source, index, model_type))
    return {reason.code: reason.message for reason in found}


def planted(name, value):
    def change(made):
        made[name] = np.full_like(made[name], value)

    return change


@pytest.mark.parametrize(
    "build", [builds.TINY1, builds.TINY_INPAINTING, builds.TINY2, builds.TINY_XL]
)
def test_a_sound_checkpoint_gives_no_reason(tmp_path, build):
    assert look(builds.checkpoint(tmp_path / "a.safetensors", build)) == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (UNET, np.nan, "nan-weights-unet"),
        (UNET, np.inf, "nan-weights-unet"),
        (VAE, -np.inf, "nan-weights-vae"),
        (VAE, 0.0, "zero-weights"),
        (VAE, -0.0, "zero-weights"),
        (UNET, 0.25, "constant-weights"),
        (UNET, -3e7, "absurd-weights"),
    ],
)
def test_a_planted_fault_is_named(tmp_path, name, value, code):
    found = look(builds.checkpoint(tmp_path / "a.safetensors", change=planted(name, value)))

    assert list(found) == [code]
    assert name in found[code]


def test_a_single_nan_among_millions_is_found(tmp_path):
    def change(made):
        made[UNET].flat[-1] = np.nan

    found = look(builds.checkpoint(tmp_path / "a.safetensors", change=change))

    assert list(found) == ["nan-weights-unet"]


def test_a_missing_block_is_named_by_its_place(tmp_path):
    def change(made):
        for name in [name for name in made if ".output_blocks.5." in name]:
            del made[name]

    found = look(builds.checkpoint(tmp_path / "a.safetensors", change=change))

    assert list(found) == ["missing-tensors"]
    assert "UNet output_blocks.5" in found["missing-tensors"]


def test_a_tensor_of_another_shape_is_named(tmp_path):
    def change(made):
        made[UNET] = made[UNET][:, :3]

    found = look(builds.checkpoint(tmp_path / "a.safetensors", change=change))

    assert "has 64 × 3 × 3 × 3, and must have 64 × 64 × 3 × 3" in found["wrong-shapes"]


def test_the_first_files_of_sd_1_have_other_names_for_their_text_encoder(tmp_path):
    def change(made):
        for name in [name for name in made if ".text_model." in name]:
            made[name.replace(".text_model.", ".")] = made.pop(name)

    assert look(builds.checkpoint(tmp_path / "a.safetensors", change=change)) == {}


def test_a_lora_that_was_never_trained_has_no_effect(tmp_path):
    made = builds.lora()
    for name in made:
        if name.endswith("lora_up.weight"):
            made[name] = np.zeros_like(made[name])

    assert list(look(builds.write(tmp_path / "a.safetensors", made), "lora")) == ["no-effect"]
    made[next(name for name in made if "lora_up" in name)][0, 0] = 1
    assert look(builds.write(tmp_path / "b.safetensors", made), "lora") == {}


@pytest.mark.parametrize("zero", ["hada_w2_a", "lokr_w2", "lokr_w2_b"])
def test_a_relative_of_lora_that_was_never_trained_has_no_effect(tmp_path, zero):
    at = "lora_unet_mid_block_attentions_0_proj_in"
    kind = zero.rpartition("_w")[0]
    parts = {"hada": ("hada_w1_a", "hada_w1_b", "hada_w2_b"), "lokr": ("lokr_w1", "lokr_w2_a")}
    made = {f"{at}.{name}": np.ones((4, 4), np.float32) for name in parts[kind]}
    made[f"{at}.{zero}"] = np.zeros((4, 4), np.float32)

    assert list(look(builds.write(tmp_path / "a.safetensors", made), "lycoris")) == ["no-effect"]
    made[f"{at}.{zero}"][0, 0] = 1
    assert look(builds.write(tmp_path / "b.safetensors", made), "lycoris") == {}


def test_a_vae_alone_is_held_against_its_own_build(tmp_path):
    made = builds.weights(layout.vae((32, 64), prefix=""))
    assert look(builds.write(tmp_path / "a.safetensors", made), "vae") == {}

    del made["decoder.mid.attn_1.q.weight"]
    found = look(builds.write(tmp_path / "b.safetensors", made), "vae")
    assert list(found) == ["missing-tensors"]


@given(
    values=st.lists(st.floats(width=16), min_size=1, max_size=40),
    dtype=st.sampled_from([np.float16, np.float32]),
)
def test_the_bits_tell_what_the_numbers_are(tmp_path_factory, values, dtype):
    array = np.array([values], dtype)
    path = builds.write(tmp_path_factory.mktemp("bits") / "a.safetensors", {"w.weight": array})
    found = look(path)

    assert ("nan-weights" in found) == (not np.isfinite(array).all())
    if np.isfinite(array).all():
        assert ("zero-weights" in found) == (not array.any())
        if array.any():
            bits = array.view(f"u{array.itemsize}")
            assert ("constant-weights" in found) == (bits.min() == bits.max())
