"""Carry out a planned conversion: read views, change their format, write, compare."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from registry.convert.casting import cast, overflowed
from registry.convert.gather import blocks
from registry.convert.output import (
    Block,
    Output,
    Overflow,
    Tell,
    compare,
    dense_bytes,
    header,
    write,
)
from registry.convert.places import Places
from registry.convert.plan import Plan, Planned


@dataclass(frozen=True, slots=True)
class Written:
    """What was written and proven.

    Attributes:
        sha256: Of the whole file.
        size_bytes: Its length.
        overflows: Tensors that the new format could not hold.
        metadata: What it says of itself.
    """

    sha256: str
    size_bytes: int
    overflows: tuple[Overflow, ...]
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file will say of itself, as soon as the hashes of its sources are known.

    Attributes:
        sources: How many there are.
        texts: The metadata, from the hashes.
        hashes: Waits for them.
    """

    sources: int
    texts: Callable[[Sequence[str]], dict[str, str]]
    hashes: Callable[[], Sequence[str]]


# As long as hashes, and as different from each other: they keep the room for the header.
_PLACEHOLDERS = tuple(f"{number:064x}" for number in range(4))


def outputs_for(plan: Plan, files: Sequence[Places]) -> list[Output]:
    """The tensors of a conversion, to be written and compared; `files` in the plan's numbers."""
    return [_output(each, files[each.file]) for each in plan.tensors]


def write_and_compare(
    outputs: Sequence[Output], says: Metadata, out: Places, *, tell: Tell
) -> Written:
    """Write a file and read it back beside its sources.

    Its header, which names the hashes of the sources, comes last: whoever reads gigabytes to
    compute them does it meanwhile.

    Args:
        outputs: Its tensors, in their order.
        says: Its metadata.
        out: An empty file, opened for writing and reading.
        tell: Hears of the bytes that were written, and again of those that were compared.

    Raises:
        ConversionDiffers: What was written is not what was read.
        UnreadableFile: An input cannot be read.
        OSError: The disk refuses.
    """
    begin = len(header(outputs, says.texts(_PLACEHOLDERS[: says.sources])))
    overflows = write(out, outputs, begin=begin, tell=tell)
    texts = says.texts(says.hashes())
    out.write(0, memoryview(header(outputs, texts, size_bytes=begin)))
    sha256 = compare(out, outputs, texts, tell=tell)
    return Written(sha256, out.size_bytes, overflows, texts)


def _output(planned: Planned, file: Places) -> Output:
    view = planned.tensor
    size_bytes = dense_bytes(planned.dtype, view.shape)
    if size_bytes is None:
        size_bytes = view.storage[1] - view.storage[0]
    return Output(
        planned.name, planned.dtype, view.shape, size_bytes, partial(_blocks, planned, file)
    )


def _blocks(planned: Planned, file: Places) -> Iterator[Block]:
    source, target = planned.tensor.dtype, planned.dtype
    for before in blocks(file, planned.tensor):
        if source == target:
            yield Block(before)
        else:
            after = cast(before, source, target)
            yield Block(after, overflowed(before, source, after, target))
