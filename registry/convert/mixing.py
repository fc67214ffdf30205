"""Carry out a planned merge: read the models side by side, blend, change the format."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from registry.convert.blend import Mix, Recipe, blend
from registry.convert.casting import Bits, Floats, cast, from_fp32, overflowed, to_fp32
from registry.convert.gather import blocks
from registry.convert.output import Block, Output, dense_bytes
from registry.convert.places import Places


def outputs_of(mixes: Sequence[Mix], recipe: Recipe, files: Sequence[Places]) -> list[Output]:
    """The tensors of a merge, to be written and compared."""
    return [_output(mix, recipe, files) for mix in mixes]


def _output(mix: Mix, recipe: Recipe, files: Sequence[Places]) -> Output:
    own = mix.parts[0]
    size_bytes = dense_bytes(mix.dtype, own.shape)
    if size_bytes is None:
        size_bytes = own.storage[1] - own.storage[0]
    read = _blended if mix.channels is None else _partly_blended
    work = partial(_kept, mix, files) if len(mix.parts) == 1 else partial(read, mix, recipe, files)
    return Output(mix.name, mix.dtype, own.shape, size_bytes, work)


def _kept(mix: Mix, files: Sequence[Places]) -> Iterator[Block]:
    source = mix.parts[0].dtype
    for before in blocks(files[0], mix.parts[0]):
        after = before if source == mix.dtype else cast(before, source, mix.dtype)
        yield Block(after, overflowed(before, source, after, mix.dtype))


def _blended(mix: Mix, recipe: Recipe, files: Sequence[Places]) -> Iterator[Block]:
    columns = [
        _numbers(part.dtype, blocks(file, part))
        for file, part in zip(files, mix.parts, strict=True)
    ]
    for first, second, *third in zip(*columns, strict=True):
        yield _finished(blend(recipe, first, second, third[0] if third else None), mix.dtype)


def _numbers(dtype: str, found: Iterator[Bits]) -> Iterator[Floats]:
    return (to_fp32(bits, dtype) for bits in found)


def _partly_blended(mix: Mix, recipe: Recipe, files: Sequence[Places]) -> Iterator[Block]:
    """The layer that reads the picture: small, and blended in its first channels only."""
    first, second, *third = (
        np.concatenate([to_fp32(bits, part.dtype) for bits in blocks(file, part)]).reshape(
            part.shape
        )
        for file, part in zip(files, mix.parts, strict=True)
    )
    whole = np.array(first, copy=True)
    common = np.ascontiguousarray(first[:, : mix.channels])
    whole[:, : mix.channels] = blend(recipe, common, second, third[0] if third else None)
    yield _finished(whole.reshape(-1), mix.dtype)


def _finished(numbers: Floats, dtype: str) -> Block:
    after = from_fp32(numbers, dtype)
    return Block(after, overflowed(from_fp32(numbers, "F32"), "F32", after, dtype))
