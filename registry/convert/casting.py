"""Change the number format of weights. Pure: bit patterns in, bit patterns out.

Elements travel as unsigned integers of their width, because NumPy has no word for some formats.
Every change goes through fp32 and rounds to the nearest, ties to even, as torch does on a CPU; what
is too large for the new format becomes infinite, and is counted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[Any]
"""Elements as unsigned integers: ``uint16`` for fp16 and bf16, ``uint32`` for fp32."""
Floats = NDArray[np.float32]

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""The formats that a cast reads; the last three it also writes."""

_ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "F8_E8M0": 1,
    "F8_E5M2FNUZ": 1,
    "F8_E4M3FNUZ": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
    "C64": 8,
}
_INFINITE = {
    "F16": (0x7FFF, 0x7C00),
    "BF16": (0x7FFF, 0x7F80),
    "F32": (0x7FFF_FFFF, 0x7F80_0000),
    "F64": (0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000),
}


def item_bytes(dtype: str) -> int | None:
    """How wide an element is; None for formats whose elements are no whole bytes, or unknown.

    Example:
        >>> item_bytes("BF16"), item_bytes("F4")
        (2, None)
    """
    return _ITEM_BYTES.get(dtype)


def bits_type(dtype: str) -> np.dtype[Any]:
    """The unsigned integers that hold elements of this format; bytes where it is not known."""
    return np.dtype(f"<u{_ITEM_BYTES.get(dtype, 1)}")


def cast(bits: Bits, source: str, target: str) -> Bits:
    """Elements of the format `source` in the format `target`, both of `FLOATS`."""
    return bits if source == target else from_fp32(to_fp32(bits, source), target)


def to_fp32(bits: Bits, source: str) -> Floats:
    """Numbers of any format of `FLOATS` as fp32; exact, except for fp64."""
    match source:
        case "F32":
            return bits.view("<f4")
        case "F16":
            return bits.view("<f2").astype(np.float32)
        case "BF16":
            widened = bits.astype(np.uint32)
            widened <<= np.uint32(16)
            return widened.view(np.float32)
        case "F64":
            with np.errstate(over="ignore"):
                return bits.view("<f8").astype(np.float32)
    raise ValueError(f"{source} is no floating format that we read")


def from_fp32(numbers: Floats, target: str) -> Bits:
    """Numbers in the format ``F32``, ``F16`` or ``BF16``."""
    match target:
        case "F32":
            return numbers.view("<u4")
        case "F16":
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                return numbers.astype("<f2").view("<u2")
        case "BF16":
            return _bf16(numbers)
    raise ValueError(f"{target} is no floating format that we write")


def _bf16(numbers: Floats) -> Bits:
    """The upper half of each number, rounded by what the lower half says."""
    bits = numbers.view(np.uint32)
    rounded = bits >> np.uint32(16)
    rounded &= np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    rounded >>= np.uint32(16)
    halves: Bits = rounded.astype("<u2")
    if np.isnan(numbers).any():
        # Rounding would carry the bits of a NaN into an infinity.
        nowhere = np.isnan(numbers)
        halves[nowhere] = (bits[nowhere] >> np.uint32(16)) | np.uint32(0x40)
    return halves


def overflowed(before: Bits, source: str, after: Bits, target: str) -> int:
    """How many finite elements a cast made infinite."""
    if source == target or not after.size:
        return 0
    sign_off, infinite = _INFINITE[target]
    if int((after & after.dtype.type(sign_off)).max()) < infinite:
        return 0
    return _infinities(after, target) - _infinities(before, source)


def _infinities(bits: Bits, dtype: str) -> int:
    sign_off, infinite = _INFINITE[dtype]
    kind = bits.dtype.type
    return int(np.count_nonzero((bits & kind(sign_off)) == kind(infinite)))


def is_float(dtype: str) -> bool:
    """Whether a wished precision applies; whole numbers and fp8 stay as they are."""
    return dtype in FLOATS
