"""Decide what a converted file will hold, before a byte of it is written. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from registry.convert.ballast import Dropped, Replaced, prune
from registry.convert.casting import is_float, item_bytes
from registry.convert.naming import Named, Renamed, named
from registry.convert.texts import carried, embedded
from registry.convert.vae import Baked, bake
from registry.convert.weight_file import WeightFile
from registry.domain.tensors import StoredTensor
from registry.domain.variant import Precision
from registry.errors import CannotConvert

DTYPES = {Precision.FP32: "F32", Precision.FP16: "F16", Precision.BF16: "BF16"}
"""The precisions that a file can be written in."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a conversion.

    Attributes:
        precision: Of the floating tensors; None leaves each as it is.
        prune: Leave out what only training needs.
        take_averages: Let the averaged weights take the place of the trained ones; prunes too.
    """

    precision: Precision | None = None
    prune: bool = False
    take_averages: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """One tensor of the output.

    Attributes:
        name: What it will be called.
        dtype: Its format in the output.
        tensor: Where its values are.
        file: Which input holds them: 0 is the source, 1 the VAE.
    """

    name: str
    dtype: str
    tensor: StoredTensor
    file: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A name whose values another name has too; the format knows no aliases."""

    name: str
    same_as: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The output, and everything that is not as it was.

    Attributes:
        tensors: In the order of the output.
        texts: The metadata of the source that still hold.
        left_texts: Keys of metadata and of plain values that the output does not have.
        notes: Sentences.
    """

    tensors: tuple[Planned, ...]
    texts: dict[str, str]
    renamed: tuple[Renamed, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    duplicated: tuple[Duplicate, ...] = ()
    left_texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def plan(source: WeightFile, wish: Wish, *, vae: WeightFile | None = None) -> Plan:
    """Decide name, format and place of every tensor.

    Raises:
        CannotConvert: The wish and the file do not fit each other.
    """
    file = source.path.name
    tensors, renamed = named(source.tree.tensors, file=file)
    if not tensors:
        raise CannotConvert(file, "it holds no tensor")
    dropped: tuple[Dropped, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    if wish.prune or wish.take_averages:
        pruned = prune(tensors, take_averages=wish.take_averages, file=file)
        tensors, dropped, replaced = pruned.kept, pruned.dropped, pruned.replaced
    baked = _baked(tensors, vae, file) if vae is not None else None
    planned = [_planned(each, wish, 0) for each in (baked.kept if baked else tensors)]
    if baked is not None:
        replaced += baked.replaced
        planned += [_planned(each, wish, 1) for each in baked.taken]
    kept_texts, stale = carried(source.metadata)
    values, left = embedded(source.tree.values)
    return Plan(
        tensors=in_order(planned),
        texts={**values, **kept_texts},
        renamed=renamed,
        dropped=dropped,
        replaced=replaced,
        duplicated=_duplicates(planned),
        left_texts=(*stale, *left),
        notes=tuple(_notes(source, planned, wish, baked)),
    )


def _baked(tensors: Sequence[Named], vae: WeightFile, file: str) -> Baked:
    offered, _ = named(vae.tree.tensors, file=vae.path.name)
    return bake(tensors, offered, file=file, vae_file=vae.path.name)


def _planned(each: Named, wish: Wish, file: int) -> Planned:
    dtype = each.tensor.dtype
    if wish.precision is not None and is_float(dtype):
        dtype = DTYPES[wish.precision]
    return Planned(each.name, dtype, each.tensor, file)


def in_order(tensors: Sequence[Planned]) -> tuple[Planned, ...]:
    """Wide elements first, so that each begins at a multiple of its width; then as stored."""
    return tuple(
        sorted(tensors, key=lambda each: (-(item_bytes(each.dtype) or 1), each.file, _place(each)))
    )


def _place(each: Planned) -> tuple[int, int]:
    return each.tensor.storage[0], each.tensor.offset


def _duplicates(tensors: Sequence[Planned]) -> tuple[Duplicate, ...]:
    seen: dict[object, str] = {}
    found = []
    for each in tensors:
        view = each.tensor
        if 0 in view.shape or view.storage[0] == view.storage[1]:
            continue
        key = (each.file, view.storage, view.offset, view.dtype, view.shape, view.strides)
        first = seen.setdefault(key, each.name)
        if first != each.name:
            found.append(Duplicate(each.name, first))
    return tuple(found)


_HYPERNETWORK_WIDTHS = frozenset({320, 640, 768, 1024, 1280})


def _notes(
    source: WeightFile, planned: Sequence[Planned], wish: Wish, baked: Baked | None
) -> Iterator[str]:
    paths = [tensor.path for tensor in source.tree.tensors]
    if all(len(path) > 1 and path[0] in _HYPERNETWORK_WIDTHS for path in paths):
        yield (
            "this is a hypernetwork: its keys were joined by dots, and no UI that we know of "
            "reads one from safetensors"
        )
    kept = sorted({each.dtype for each in planned if each.dtype.startswith("F8_")})
    if wish.precision is not None and kept:
        yield (f"tensors of the format {', '.join(kept)} stay as they are")
    if baked is not None and baked.left:
        yield (f"the new VAE lacks {len(baked.left)} tensors of the own one, which stay")
