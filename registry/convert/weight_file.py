"""A file of weights as a conversion sees it: named views into its bytes, whatever wraps them."""

import math
from dataclasses import dataclass
from pathlib import Path

from registry.convert.casting import item_bytes
from registry.domain.tensors import StoredTensor, StoredTree, TensorIndex
from registry.domain.variant import FileFormat
from registry.errors import CannotConvert

_OUTPUT_FACTOR = 4
_OUTPUT_SPARE_BYTES = 64 * 1024 * 1024
_MAX_U64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class WeightFile:
    """What one input holds.

    Attributes:
        path: Where its bytes are read.
        format: Safetensors or pickle.
        tree: Its tensors and the plain values beside them.
        metadata: The texts of a safetensors header.
    """

    path: Path
    format: FileFormat
    tree: StoredTree
    metadata: dict[str, str]


def from_index(path: Path, index: TensorIndex) -> WeightFile:
    """A safetensors file: every tensor is a storage of its own."""
    tensors = tuple(
        StoredTensor(
            path=(tensor.name,),
            dtype=tensor.dtype,
            shape=tensor.shape,
            strides=row_major(tensor.shape),
            offset=0,
            storage=(tensor.begin, tensor.end),
        )
        for tensor in index.tensors
    )
    return WeightFile(path, FileFormat.SAFETENSORS, StoredTree(tensors), index.metadata)


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose elements follow each other.

    Example:
        >>> row_major((2, 3, 4))
        (12, 4, 1)
    """
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


def size_bytes(tensor: StoredTensor) -> int:
    """How many bytes its elements take when they follow each other."""
    item = item_bytes(tensor.dtype)
    if item is None:
        return tensor.storage[1] - tensor.storage[0]
    return math.prod(tensor.shape) * item


def check_views(tree: StoredTree, *, file_bytes: int, name: str) -> None:
    """Make sure that every view stays inside its storage, and that they are no bomb together.

    Whoever read the file has looked at this already; nothing is read by these numbers before it
    was looked at here as well.

    Raises:
        CannotConvert: A view reaches out of its storage, or all of them are far more than the file.
    """
    total_bytes = 0
    for tensor in tree.tensors:
        if wrong := _wrong_with(tensor, file_bytes):
            raise CannotConvert(name, f"the tensor {tensor.path!r} {wrong}")
        total_bytes += size_bytes(tensor)
    if total_bytes > _OUTPUT_FACTOR * file_bytes + _OUTPUT_SPARE_BYTES:
        because = f"{file_bytes:,} bytes of it would become {total_bytes:,}"
        raise CannotConvert(name, because)


def _wrong_with(tensor: StoredTensor, file_bytes: int) -> str | None:
    begin, end = tensor.storage
    if not 0 <= begin <= end <= file_bytes:
        return "lies outside of the file"
    if len(tensor.strides) != len(tensor.shape):
        return "has another number of strides than of sides"
    numbers = (*tensor.shape, *tensor.strides, tensor.offset)
    if any(not 0 <= number <= _MAX_U64 for number in numbers):
        return "has a side, a stride or an offset that makes no sense"
    item = item_bytes(tensor.dtype)
    if item is None or 0 in tensor.shape:
        return None
    reach = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((side - 1) * step for side, step in reach)
    return None if begin + (last + 1) * item <= end else "reaches out of its storage"
