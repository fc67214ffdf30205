"""Checkpoints in the size of the real ones, with made-up weights, written in little memory.

Names and shapes are those of Stable Diffusion 1.5 (CompVis/stable-diffusion, v1-inference.yaml):
1.07 billion weights, 4.27 GB in fp32, and 7.7 GB with the averaged copy of its UNet.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.demo import shapes
from registry.demo.safetensors_file import write_safetensors
from registry.demo.torch_zip import write_checkpoint
from registry.smoke import layout
from registry.smoke.build import SD1

Floats = NDArray[np.float32]
_DRAWN = 1 << 20


def sd15() -> layout.Shapes:
    """Every tensor of a whole SD 1.5."""
    return layout.checkpoint(SD1)


class MadeUp(Mapping[str, Floats]):
    """Weights that exist only while somebody looks at them; the same seed gives the same ones."""

    def __init__(self, wanted: layout.Shapes, seed: int = 0) -> None:
        self._shapes = wanted
        drawn = np.random.default_rng(seed).standard_normal(_DRAWN, dtype=np.float32)
        self._drawn = drawn * np.float32(0.02)

    def __getitem__(self, name: str) -> Floats:
        shape = self._shapes[name]
        begin = sum(name.encode()) % 1000
        return np.resize(self._drawn[begin:], shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def write_ckpt(path: Path, *, averaged: bool) -> None:
    """A `.ckpt` in fp32 as it comes from training, with or without the averaged copy."""
    wanted = sd15()
    write_checkpoint(path, MadeUp(wanted | (shapes.averaged(wanted) if averaged else {})))


def write_model(path: Path, seed: int) -> None:
    """A safetensors file in fp32."""
    write_safetensors(path, MadeUp(sd15(), seed))
