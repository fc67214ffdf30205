"""Weights that are no numbers: a deep check, because it reads every tensor.

One NaN in a checkpoint makes every picture black. The header cannot tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.formats.float_bits import FLOATS, stretches
from registry.formats.readable import Readable


@dataclass(frozen=True, slots=True)
class NotNumbers:
    """A tensor with values that are infinite or no numbers, and how many of those there are."""

    tensor: str
    count: int


def not_numbers(source: Readable, index: TensorIndex) -> Iterator[NotNumbers]:
    """Read every tensor of floating-point numbers; the bad ones, in the order of the file."""
    for tensor in sorted(index.tensors, key=lambda each: each.begin):
        if tensor.dtype in FLOATS and (count := _count(source, tensor)):
            yield NotNumbers(tensor.name, count)


def _count(source: Readable, tensor: TensorInfo) -> int:
    exponent = FLOATS[tensor.dtype].exponent
    return sum(
        int(np.count_nonzero((bits & exponent) == exponent)) for bits in stretches(source, tensor)
    )
