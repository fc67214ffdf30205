"""The numbers of a tensor as their bits: in IEEE 754 these alone tell what is no number.

Without their sign, the bits of floating-point numbers sort as the numbers do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from registry.domain.tensors import TensorInfo
from registry.formats.readable import Readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FloatBits:
    """How numbers of one dtype are read as whole numbers.

    Attributes:
        whole: The dtype of those.
        sign: The bit of the sign.
        exponent: Where all of these bits are set, the value is infinite or no number.
    """

    whole: str
    sign: int
    exponent: int


FLOATS: Mapping[str, FloatBits] = {
    "F64": FloatBits("<u8", 1 << 63, 0x7FF0_0000_0000_0000),
    "F32": FloatBits("<u4", 1 << 31, 0x7F80_0000),
    "F16": FloatBits("<u2", 1 << 15, 0x7C00),
    "BF16": FloatBits("<u2", 1 << 15, 0x7F80),
    "F8_E5M2": FloatBits("u1", 1 << 7, 0x7C),
    "F8_E4M3": FloatBits("u1", 1 << 7, 0x7F),  # it has no infinity, and one NaN for each sign
}
"""By the name of the dtype in a safetensors header."""


def stretches(source: Readable, tensor: TensorInfo) -> "Iterator[NDArray[np.unsignedinteger]]":
    """The bits of a tensor whose dtype stands in `FLOATS`, a few megabytes at a time."""
    whole = FLOATS[tensor.dtype].whole
    for begin in range(tensor.begin, tensor.end, _CHUNK_BYTES):
        content = source.read(begin, min(begin + _CHUNK_BYTES, tensor.end))
        yield np.frombuffer(content, dtype=whole)
