"""What a whole model holds follows from a few numbers, and those are read off its shapes."""

import math

import pytest

from registry.smoke import layout
from registry.smoke.build import REFINER, SD1, SD2, SDXL
from registry.smoke.recognise import build_of
from tests.smoke import builds

ALL = {
    "sd1": SD1,
    "sd2": SD2,
    "sdxl": SDXL,
    "refiner": REFINER,
    "tiny sd1": builds.TINY1,
    "tiny inpainting": builds.TINY_INPAINTING,
    "tiny sd2": builds.TINY2,
    "tiny sdxl": builds.TINY_XL,
    "tiny refiner": builds.TINY_REFINER,
}


@pytest.mark.parametrize("build", ALL.values(), ids=ALL)
def test_the_numbers_are_read_back_from_the_shapes(build):
    assert build_of(layout.checkpoint(build)) == build


@pytest.mark.parametrize(
    ("build", "count", "weights"),
    # Published: 1,066 million weights of SD 1.5 and 3,469 million of SDXL.
    [(SD1, 1130, 1_066_235_307), (SDXL, 2514, 3_468_840_166)],
)
def test_full_size_models_have_as_many_weights_as_the_published_ones(build, count, weights):
    shapes = layout.checkpoint(build)

    assert abs(len(shapes) - count) <= 2
    assert sum(map(math.prod, shapes.values())) == pytest.approx(weights, rel=1e-4)


@pytest.mark.parametrize("gone", ["output_blocks.5.", "input_blocks.4.", "middle_block.", "time_"])
def test_a_model_in_full_size_is_known_with_a_block_missing(gone):
    shapes = layout.checkpoint(SD1)
    left = {name: shape for name, shape in shapes.items() if gone not in name}

    assert build_of(left) == SD1


def test_other_files_have_no_build():
    assert build_of({}) is None
    assert build_of({"lora_unet_down.lora_up.weight": (4, 4)}) is None
