"""Weights that are no numbers: a deep check, because it reads every tensor.

One NaN in a checkpoint makes every picture black. The header cannot tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.formats.readable import Readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK_BYTES = 8 * 1024 * 1024
# Name of a dtype to the whole numbers that it is read as, and the bits of its exponent: where all
# of those are set, the value is infinite or no number.
_FLOATS: dict[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("u1", 0x7C),
}


@dataclass(frozen=True, slots=True)
class NotNumbers:
    """A tensor with values that are infinite or no numbers, and how many of those there are."""

    tensor: str
    count: int


def not_numbers(source: Readable, index: TensorIndex) -> Iterator[NotNumbers]:
    """Read every tensor of floating-point numbers; the bad ones, in the order of the file."""
    for tensor in sorted(index.tensors, key=lambda each: each.begin):
        if tensor.dtype in _FLOATS and (count := _count(source, tensor)):
            yield NotNumbers(tensor.name, count)


def _count(source: Readable, tensor: TensorInfo) -> int:
    whole, exponent = _FLOATS[tensor.dtype]
    found = 0
    for begin in range(tensor.begin, tensor.end, _CHUNK_BYTES):
        content = source.read(begin, min(begin + _CHUNK_BYTES, tensor.end))
        values: NDArray[np.unsignedinteger] = np.frombuffer(content, dtype=whole)
        found += int(np.count_nonzero((values & exponent) == exponent))
    return found
