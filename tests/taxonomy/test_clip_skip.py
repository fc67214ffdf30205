"""How a CLIP skip is set, and where it is not."""

import pytest

from registry.taxonomy.clip_skip import advise_clip_skip
from registry.taxonomy.lookup import architectures


def test_two_for_sd1_is_said_in_the_numbers_of_each_ui():
    advice = advise_clip_skip(2, "sd1")

    assert advice.matters
    assert advice.meaning == (
        "CLIP skip 2: stop one layer early; its text encoder has 12 layers and uses the last"
    )
    assert advice.settings == {
        "a1111": 'Settings > Stable Diffusion > "Clip skip" = 2',
        "comfyui": (
            "add the node CLIP Set Last Layer behind the checkpoint, stop_at_clip_layer = -2"
        ),
        "sdnext": '"CLIP skip" = 2, beside "CFG scale"',
        "invokeai": 'Advanced > "CLIP Skip" = 1 (it counts the skipped layers)',
        "diffusers": "pass clip_skip=1 (it counts the skipped layers)",
    }


@pytest.mark.parametrize(
    ("value", "base"),
    [(1, "sd1"), (1, "sdxl"), (2, "sdxl"), (2, "sdxl-pony"), (2, "sdxl-illustrious"), (1, "flux")],
)
def test_where_every_ui_does_it_by_itself_nothing_is_to_be_set(value, base):
    advice = advise_clip_skip(value, base)

    assert not advice.matters
    assert advice.settings == {}


def test_one_and_two_are_the_same_picture_for_sdxl_and_the_advice_says_so():
    assert advise_clip_skip(2, "sdxl-pony").meaning == (
        "CLIP skip 2: leave the setting as it is; "
        "SDXL takes the penultimate layer by itself, so 1 and 2 give the same picture"
    )


def test_three_for_sdxl_needs_the_second_tick_and_diffusers_counts_from_the_penultimate():
    settings = advise_clip_skip(3, "sdxl").settings

    assert 'tick "Clip skip SDXL"' in settings["a1111"]
    assert settings["comfyui"].endswith("= -3")
    assert settings["diffusers"].startswith("pass clip_skip=1 ")


@pytest.mark.parametrize("base", ["sd2", "sd3", "flux", "sdxl-refiner"])
def test_where_it_has_no_effect_the_advice_says_so(base):
    advice = advise_clip_skip(2, base)

    assert not advice.matters
    assert advice.meaning.startswith("CLIP skip has no effect here: ")


def test_more_than_the_encoder_has_is_capped_with_a_word():
    advice = advise_clip_skip(40, "sd1")

    assert advice.value == 12
    assert "40 is more than its 12 layers" in advice.meaning


def test_an_unknown_base_gets_the_general_words():
    assert advise_clip_skip(2, "any").meaning == "CLIP skip 2, as A1111 counts (1 = no skip)"
    assert advise_clip_skip(1, "any").settings == {}


def test_of_two_bases_the_first_decides():
    assert advise_clip_skip(2, "sd1+sdxl") == advise_clip_skip(2, "sd1")


def test_zero_is_not_a_value_in_this_numbering():
    with pytest.raises(ValueError, match="1 or more, not 0"):
        advise_clip_skip(0, "sd1")


def test_every_architecture_says_why():
    assert all(each.clip_skip.because for each in architectures().values())
    assert all(
        1 <= each.clip_skip.least <= each.clip_skip.most for each in architectures().values()
    )
