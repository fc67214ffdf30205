"""Small models in the build of the real ones, with made-up weights that keep signals alive."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from registry.demo.safetensors_file import write_safetensors
from registry.smoke import layout
from registry.smoke.build import CLIP_L, OPEN_CLIP, UNET, Build, TextEncoder

TINY1 = Build(
    channels=32,
    levels=((1, 1), (2, 1), (2, 1), (2, 0)),
    middle_depth=1,
    context=32,
    vae=(32, 32, 32, 32),
    text=(TextEncoder(CLIP_L[0], 32, 3),),
)
TINY_INPAINTING = replace(TINY1, reads=9)
TINY2 = replace(TINY1, linear=True, text=(TextEncoder(OPEN_CLIP[0], 32, 3),))
TINY_XL = Build(
    channels=32,
    levels=((1, 0), (2, 1), (2, 1)),
    middle_depth=1,
    context=96,
    linear=True,
    extra=64 + 6 * 256,
    vae=(32, 32, 32, 32),
    text=(TextEncoder(CLIP_L[1], 32, 3), TextEncoder(OPEN_CLIP[1], 64, 3)),
)
TINY_REFINER = Build(
    channels=32,
    levels=((1, 0), (2, 1), (2, 1), (2, 0)),
    middle_depth=1,
    context=64,
    linear=True,
    extra=64 + 5 * 256,
    vae=(32, 32, 32, 32),
    text=(TextEncoder(OPEN_CLIP[2], 64, 3),),
)

# Channels of the small network that reads the hint of a ControlNet (cldm.py of its authors).
_HINT = (3, 16, 16, 32, 32, 96, 96, 256)


def weights(shapes, seed=0):
    """Numbers of a size that neither fades nor explodes on its way through a network."""
    random = np.random.default_rng(seed)
    made = {}
    for name, shape in shapes.items():
        if name.endswith(".alpha"):
            made[name] = np.array(4.0, np.float32)
        elif name.endswith(("bias", "in_proj_bias")):
            made[name] = np.zeros(shape, np.float32)
        elif len(shape) == 1:
            made[name] = np.ones(shape, np.float32)
        else:
            spread = 0.7 / math.sqrt(math.prod(shape[1:]))
            if "embedding" in name or "projection" in name:
                spread = 0.3
            made[name] = (random.standard_normal(shape) * spread).astype(np.float32)
    return made


def write(path, made):
    """A safetensors file of these weights."""
    write_safetensors(path, made)
    return path


def checkpoint(path, build=TINY1, change=None):
    """A whole checkpoint; `change` may plant a fault."""
    made = weights(layout.checkpoint(build))
    if change is not None:
        change(made)
    return write(path, made)


def lora(build=TINY1, rank=4, prefix="lora_unet_"):
    """Kohya's names for the attention of the way in."""
    shapes = {}
    for level, (multiple, depth) in enumerate(build.levels):
        wide = multiple * build.channels
        for block in range(build.residuals if depth else 0):
            at = f"{prefix}down_blocks_{level}_attentions_{block}_transformer_blocks_0"
            for part, told in (("attn1_to_q", wide), ("attn2_to_k", build.context)):
                shapes[f"{at}_{part}.lora_down.weight"] = (rank, told)
                shapes[f"{at}_{part}.lora_up.weight"] = (wide, rank)
                shapes[f"{at}_{part}.alpha"] = ()
    return weights(shapes)


def controlnet(build=TINY1, seed=0):
    """A ControlNet for a checkpoint of this build, with the names of its authors."""
    shapes = {
        f"control_model.{name.removeprefix(UNET)}": shape
        for name, shape in layout.unet(build).items()
        if ".output_blocks." not in name and not name.startswith(f"{UNET}out.")
    }
    heights = [build.channels]
    for level, (multiple, _) in enumerate(build.levels):
        down = level + 1 < len(build.levels)
        heights += [multiple * build.channels] * (build.residuals + down)
    convs = [(f"zero_convs.{n}.0", wide, wide, 1) for n, wide in enumerate(heights)]
    convs.append(("middle_block_out.0", heights[-1], heights[-1], 1))
    hints = enumerate(pairwise((*_HINT, build.channels)))
    convs += [(f"input_hint_block.{2 * n}", reads, gives, 3) for n, (reads, gives) in hints]
    for name, reads, gives, side in convs:
        shapes[f"control_model.{name}.weight"] = (gives, reads, side, side)
        shapes[f"control_model.{name}.bias"] = (gives,)
    return weights(shapes, seed)
