"""From what a pickle describes to its tensors and values, each under the keys that lead to it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from registry.domain.tensors import Key, Plain, StoredTensor, StoredTree
from registry.pickles.policy import (
    ELEMENT_BYTES,
    FREE_GROWTH_BYTES,
    MAX_DEPTH,
    MAX_GROWTH,
    MAX_KEYS_IN_PATHS,
    MAX_NODES,
    MAX_TENSORS,
    Code,
)
from registry.pickles.values import Name, Record, Refused, Storage, Tensor, Unknown

Path = tuple[Key, ...]
Ranges = Mapping[str, tuple[int, int]]


def tree_of(value: object, ranges: Ranges, *, source_bytes: int) -> StoredTree:
    """Lay a description out.

    Args:
        value: What the machine made.
        ranges: Where the bytes of each storage lie in the file.
        source_bytes: Length of the file; its tensors may be so many times larger, not more.

    Raises:
        Refused: It contains itself, is too large, or reaches beyond its bytes.
    """
    walk = _Walk(ranges, MAX_GROWTH * source_bytes + FREE_GROWTH_BYTES)
    walk.visit((), value)
    return StoredTree(tuple(walk.tensors), walk.values)


@dataclass(slots=True)
class _Walk:
    """One way through a description, which may be a thicket."""

    ranges: Ranges
    bytes_left: int
    tensors: list[StoredTensor] = field(default_factory=list)
    values: dict[Path, Plain] = field(default_factory=dict)
    places: set[Path] = field(default_factory=set)
    above: set[int] = field(default_factory=set)
    records: set[int] = field(default_factory=set)
    nodes: int = 0
    keys: int = 0

    def visit(self, path: Path, value: object) -> None:
        """Lay out what lies under this path."""
        self._count(path)
        match value:
            case Tensor():
                self._take_place(path)
                self.tensors.append(self._stored(path, value))
            case dict() | list() | tuple() | Record():
                self._descend(path, value)
            case Name(full):
                self._keep(path, full)
            case Storage(key):
                self._keep(path, f"storage {key}")
            case None | bool() | int() | float() | str() | bytes():
                self._keep(path, value)
            case Unknown():
                pass  # it was refused already
            case _:
                raise Refused(Code.MALFORMED_PICKLE, f"a {type(value).__name__} among its values")

    def _count(self, path: Path) -> None:
        self.nodes += 1
        self.keys += len(path)
        if self.nodes > MAX_NODES or self.keys > MAX_KEYS_IN_PATHS:
            raise Refused(Code.OVER_LIMIT, f"more than {MAX_NODES:,} values")
        if len(path) > MAX_DEPTH:
            raise Refused(Code.OVER_LIMIT, f"values nested more than {MAX_DEPTH} deep")

    def _descend(self, path: Path, value: object) -> None:
        if isinstance(value, Record):
            # An object may know its parent; it is told of once.
            self._keep(path, value.name)
            if id(value) in self.records:
                return
            self.records.add(id(value))
        if id(value) in self.above:
            raise Refused(Code.CYCLE)
        self.above.add(id(value))
        for key, item in _parts(value):
            self.visit((*path, key), item)
        self.above.discard(id(value))

    def _keep(self, path: Path, value: Plain) -> None:
        self._take_place(path)
        self.values[path] = value

    def _take_place(self, path: Path) -> None:
        if path in self.places:
            raise Refused(Code.SAME_PATH, "/".join(map(str, path))[:200])
        self.places.add(path)

    def _stored(self, path: Path, tensor: Tensor) -> StoredTensor:
        if len(self.tensors) >= MAX_TENSORS:
            raise Refused(Code.OVER_LIMIT, f"more than {MAX_TENSORS:,} tensors")
        size_bytes = math.prod(tensor.shape) * ELEMENT_BYTES[tensor.dtype]
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            what = f"tensors of more than {MAX_GROWTH} times its length"
            raise Refused(Code.OVER_LIMIT, what)
        return StoredTensor(
            path,
            tensor.dtype,
            tensor.shape,
            tensor.strides,
            tensor.offset,
            self._range(tensor.storage),
        )

    def _range(self, storage: Storage) -> tuple[int, int]:
        if storage.key not in self.ranges:
            raise Refused(Code.WRONG_STORAGE, f"there is no storage {storage.key[:200]}")
        begin, end = self.ranges[storage.key]
        element_bytes = ELEMENT_BYTES[storage.dtype]
        first = begin + storage.begin * element_bytes
        last = first + storage.count * element_bytes
        if last > end:
            what = f"storage {storage.key[:200]} has {end - begin:,} bytes"
            raise Refused(Code.WRONG_STORAGE, f"{what} of {last - begin:,}")
        return first, last


def _parts(value: object) -> Iterator[tuple[Key, object]]:
    match value:
        case dict():
            for key, item in value.items():
                yield _key(key), item
        case list() | tuple():
            yield from enumerate(value)
        case Record():
            if value.arguments:
                yield "arguments", value.arguments
            for key, item in value.items.items():
                yield _key(key), item
            if isinstance(value.state, dict):
                for key, item in value.state.items():
                    yield _key(key), item
            elif value.state is not None:
                yield "state", value.state


def _key(key: object) -> Key:
    """A key as a path can hold it: what is neither text nor whole number, in words."""
    if isinstance(key, str) or type(key) is int:
        return key
    if isinstance(key, Name):
        return key.full
    if isinstance(key, tuple):
        return f"({', '.join(repr(_key(part)) for part in key)})"
    return repr(key)
