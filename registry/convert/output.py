"""Write a safetensors file as it comes, and compare what was written with what was meant.

Names, formats and shapes decide every place before any value is read; so several threads can work
on as many tensors at once.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from registry.convert.casting import Bits, item_bytes
from registry.convert.places import Places
from registry.domain.tensors import TensorIndex, TensorInfo
from registry.errors import ConversionDiffers, FormatError
from registry.formats.safetensors import LENGTH_BYTES, header_bytes, parse_header

_ALIGNED_TO = 8
_CHUNK_BYTES = 1024 * 1024
_MOST_WORKERS = 4
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Block:
    """Some elements in their final format.

    Attributes:
        overflowed: How many of them were finite before and are infinite now.
    """

    bits: Bits
    overflowed: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor to be written.

    Attributes:
        size_bytes: How many bytes its blocks have together.
        blocks: Reads its values, in row-major order; can be called again.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    blocks: Callable[[], Iterator[Block]]


@dataclass(frozen=True, slots=True)
class Overflow:
    """A tensor some of whose numbers are too large for the new format."""

    name: str
    count: int


Tell = Callable[[int], None]
"""Called with how many bytes were done since the last call."""


def dense_bytes(dtype: str, shape: tuple[int, ...]) -> int | None:
    """Length of a tensor in a file; None for formats whose elements are no whole bytes."""
    item = item_bytes(dtype)
    return None if item is None else math.prod(shape) * item


def write(
    out: Places, outputs: Sequence[Output], *, begin: int, tell: Tell
) -> tuple[Overflow, ...]:
    """Write the tensors one behind the other, a few blocks at a time.

    Args:
        out: Where to.
        outputs: What, in this order.
        begin: Where the first one begins: behind the header.
        tell: Hears of the bytes that were written.

    Returns:
        The tensors that the new format could not hold.

    Raises:
        OSError: The disk refuses.
        UnreadableFile: A source cannot be read.
    """
    begins = np.cumsum([begin, *(output.size_bytes for output in outputs)]).tolist()
    lost = each(
        lambda output, begin: _write_one(out, output, begin, tell),
        list(zip(outputs, begins[:-1], strict=True)),
    )
    return tuple(
        Overflow(output.name, count) for output, count in zip(outputs, lost, strict=True) if count
    )


def _write_one(out: Places, output: Output, begin: int, tell: Tell) -> int:
    lost = 0
    for block in output.blocks():
        out.write(begin, block.bits)
        begin += block.bits.nbytes
        lost += block.overflowed
        tell(block.bits.nbytes)
    return lost


def header(outputs: Sequence[Output], texts: Mapping[str, str], *, size_bytes: int = 0) -> bytes:
    """The header of a file, with its length before it; at least `size_bytes` long."""
    entries: dict[str, object] = {"__metadata__": dict(sorted(texts.items()))}
    at = 0
    for output in outputs:
        entries[output.name] = {
            "dtype": output.dtype,
            "shape": list(output.shape),
            "data_offsets": [at, at + output.size_bytes],
        }
        at += output.size_bytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text = text.ljust(size_bytes - LENGTH_BYTES)
    text += b" " * (-len(text) % _ALIGNED_TO)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def compare(out: Places, outputs: Sequence[Output], texts: Mapping[str, str], *, tell: Tell) -> str:
    """Read the file back, every tensor beside its source, and hash it meanwhile.

    Returns:
        Its SHA-256.

    Raises:
        ConversionDiffers: A tensor is not what it should be.
        OSError: The disk refuses.
    """
    index = _index(out)
    if index.metadata != dict(texts):
        raise ConversionDiffers(out.name, "__metadata__")
    written = {tensor.name: tensor for tensor in index.tensors}
    if written.keys() != {output.name for output in outputs}:
        raise ConversionDiffers(out.name, "(its table of contents)")
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest, out)
        each(
            lambda output, tensor: _compare_one(out, output, tensor, tell),
            [(output, written[output.name]) for output in outputs],
        )
        return digest.result()


def _compare_one(out: Places, output: Output, tensor: TensorInfo, tell: Tell) -> None:
    if (tensor.dtype, tensor.shape) != (output.dtype, output.shape):
        raise ConversionDiffers(out.name, output.name)
    at = tensor.begin
    for block in output.blocks():
        if at + block.bits.nbytes > tensor.end:
            raise ConversionDiffers(out.name, output.name)
        written = out.read(at, block.bits.nbytes).view(block.bits.dtype)
        if not np.array_equal(written, block.bits):
            raise ConversionDiffers(out.name, output.name)
        at += block.bits.nbytes
        tell(block.bits.nbytes)
    if at != tensor.end:
        raise ConversionDiffers(out.name, output.name)


def _index(out: Places) -> TensorIndex:
    size_bytes = out.size_bytes
    try:
        first = out.read(0, min(LENGTH_BYTES, size_bytes)).tobytes()
        length = header_bytes(first, size_bytes=size_bytes, name=out.name)
        text = out.read(LENGTH_BYTES, length).tobytes()
        return parse_header(text, size_bytes=size_bytes, name=out.name)
    except FormatError as error:
        raise ConversionDiffers(out.name, "(its table of contents)") from error


def _digest(out: Places) -> str:
    """Wait until the bytes are on the disk, and hash them."""
    whole = hashlib.sha256()
    os.fsync(out.file.fileno())
    size_bytes = out.size_bytes
    for begin in range(0, size_bytes, _CHUNK_BYTES):
        whole.update(out.read(begin, min(_CHUNK_BYTES, size_bytes - begin)).data)
    return whole.hexdigest()


def each(work: Callable[..., _T], tasks: Sequence[tuple[object, ...]]) -> list[_T]:
    """Do every task, several at once; the first failure ends the others and is raised."""
    pool = ThreadPoolExecutor(min(_MOST_WORKERS, os.cpu_count() or 1))
    try:
        futures: list[Future[_T]] = [pool.submit(work, *task) for task in tasks]
        wait(futures, return_when=FIRST_EXCEPTION)
        failed = [future for future in futures if future.done() and future.exception()]
        for future in failed:
            future.result()
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)
