"""Read a stored tensor in row-major order, block by block, whatever its strides are.

A block is about a megabyte. A view whose neighbours lie far apart is put together from as many
reads as it takes, and never by reading its whole storage into memory.
"""

import math
from collections.abc import Iterator

import numpy as np

from registry.convert.casting import Bits, bits_type, item_bytes
from registry.convert.places import Places
from registry.domain.tensors import StoredTensor

BLOCK_ELEMENTS = 1 << 18
_PIECE_ELEMENTS = 1 << 21  # what of a view with strides is put together at once
_SPAN_ELEMENTS = 1 << 21  # what one read may bring
_GAP_ELEMENTS = 1 << 12  # reading over so many that nobody wants costs as much as a second read


def blocks(file: Places, tensor: StoredTensor) -> Iterator[Bits]:
    """The elements of a tensor in row-major order, flat, `BLOCK_ELEMENTS` at a time.

    Only the last block may be shorter.

    Raises:
        UnreadableFile: The file cannot be read, or is shorter than it was.
    """
    item = item_bytes(tensor.dtype)
    if item is None:
        begin, end = tensor.storage
        yield from _run(file, begin, end - begin, "U8")
    elif math.prod(tensor.shape) == 0:
        return
    elif is_contiguous(tensor):
        begin = tensor.storage[0] + tensor.offset * item
        yield from _run(file, begin, math.prod(tensor.shape), tensor.dtype)
    else:
        yield from _in_blocks(_pieces(file, tensor))


def _pieces(file: Places, tensor: StoredTensor) -> Iterator[Bits]:
    for shape, offset in _cut(tensor.shape, tensor.strides, tensor.offset):
        strides = tensor.strides[len(tensor.shape) - len(shape) :]
        out = np.empty(shape, bits_type(tensor.dtype))
        _collect(file, tensor.storage[0], out, strides, offset)
        yield out.reshape(-1)


def _in_blocks(pieces: Iterator[Bits]) -> Iterator[Bits]:
    """Pieces of any length as blocks of one length; only the last may be shorter."""
    rest: Bits | None = None
    for piece in pieces:
        whole = piece if rest is None else np.concatenate((rest, piece))
        full = len(whole) // BLOCK_ELEMENTS * BLOCK_ELEMENTS
        for begin in range(0, full, BLOCK_ELEMENTS):
            yield whole[begin : begin + BLOCK_ELEMENTS]
        rest = whole[full:].copy() if full < len(whole) else None
        del piece, whole  # before the next ones are made
    if rest is not None:
        yield rest


def is_contiguous(tensor: StoredTensor) -> bool:
    """Whether its elements follow each other in row-major order."""
    expected = 1
    for side, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if side != 1 and stride != expected:
            return False
        expected *= side
    return True


def _run(file: Places, begin: int, count: int, dtype: str) -> Iterator[Bits]:
    kind = bits_type(dtype)
    for done in range(0, count, BLOCK_ELEMENTS):
        size = min(BLOCK_ELEMENTS, count - done) * kind.itemsize
        yield file.read(begin + done * kind.itemsize, size).view(kind)


def _cut(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Cut a view into pieces that follow each other: the shape of each and where it begins."""
    if math.prod(shape) <= _PIECE_ELEMENTS:
        yield shape, offset
        return
    inner = math.prod(shape[1:])
    if inner > _PIECE_ELEMENTS:
        for index in range(shape[0]):
            yield from _cut(shape[1:], strides[1:], offset + index * strides[0])
        return
    rows = _PIECE_ELEMENTS // inner
    for begin in range(0, shape[0], rows):
        part = min(rows, shape[0] - begin)
        yield (part, *shape[1:]), offset + begin * strides[0]


def _collect(file: Places, storage: int, out: Bits, strides: tuple[int, ...], offset: int) -> None:
    """Fill `out` with a view: by one read where its elements lie close together, else by several.

    Args:
        file: Where the storage lies.
        storage: Its first byte.
        out: An array of the view's shape, not empty.
        strides: The view's, in elements.
        offset: Its first element.
    """
    reach = [(side - 1) * step for side, step in zip(out.shape, strides, strict=True)]
    span = 1 + sum(reach)
    axis = reach.index(max(reach)) if reach else 0
    gap = strides[axis] - (span - reach[axis]) if reach and reach[axis] else 0
    if span <= _SPAN_ELEMENTS and gap <= _GAP_ELEMENTS:
        item = out.dtype.itemsize
        near = file.read(storage + offset * item, span * item).view(out.dtype)
        steps = tuple(step * item for step in strides)
        np.copyto(out, np.lib.stride_tricks.as_strided(near, out.shape, steps, writeable=False))
        return
    across = np.moveaxis(out, axis, 0)
    rest = strides[:axis] + strides[axis + 1 :]
    if gap > _GAP_ELEMENTS:
        for index in range(out.shape[axis]):
            _collect(file, storage, across[index, ...], rest, offset + index * strides[axis])
        return
    half = out.shape[axis] // 2
    for begin, end in ((0, half), (half, out.shape[axis])):
        part = np.moveaxis(across[begin:end], 0, axis)
        _collect(file, storage, part, strides, offset + begin * strides[axis])
