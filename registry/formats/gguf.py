"""The header of a GGUF file: its metadata and where its tensors lie.

Layout: magic, version, two counts, typed key-value pairs, tensor descriptions, then the tensors,
aligned (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Everything is bounded, because
all counts and lengths are claims. Shapes are turned round: GGUF names the innermost side first.
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.errors import MalformedHeader
from registry.formats.readable import Readable, Stretch, readable

MAX_HEADER_BYTES = 64 * 1024 * 1024
MAX_TENSORS = 100_000
MAX_PAIRS = 10_000
MAX_VALUES = 1_000_000
_MAX_NAME_BYTES = 1024
_MAX_TEXT_BYTES = 1024 * 1024
_MAX_KEPT_TEXT = 64 * 1024
_MAX_SIDES = 8
_MAX_NESTING = 4
_MAX_LISTED = 16
_MAX_U64 = 2**64
_VERSIONS = frozenset({2, 3})
_MAGIC_BYTES = 4

_TEXT, _LIST, _BOOL = 8, 9, 7
# Number of a type of values to how struct reads it.
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    _BOOL: "B",
    10: "Q",
    11: "q",
    12: "d",
}
# Number of a type of tensors to (name, values in a block, bytes of a block), after ggml-common.h.
_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}


def read_index(path: Path) -> TensorIndex:
    """Read the metadata and the tensors' places; of the file only its header.

    Raises:
        MalformedHeader: It breaks a rule of the format, or the file is too short for its tensors.
        UnreadableFile: It cannot be opened or read.
    """
    with readable(path) as source:
        return read_gguf(source)


def read_gguf(source: Readable) -> TensorIndex:
    """The same for a file that is open already, or lies elsewhere.

    Numbers in the metadata become texts; a long list becomes its length in words.
    """
    return _Header(source).read()


@dataclass(frozen=True, slots=True)
class _Claim:
    """A tensor as the header describes it; its place counts from where the data begin."""

    name: str
    shape: tuple[int, ...]
    kind: int
    place: int


class _Header:
    """Reads one header, from its begin to its end."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._bytes = Stretch(source, 0, most_bytes=MAX_HEADER_BYTES)
        self._values_left = MAX_VALUES

    def read(self) -> TensorIndex:
        self._take(_MAGIC_BYTES)
        version = self._number("I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            because = (
                "its numbers are big-endian, which no model of ours needs"
                if swapped in _VERSIONS
                else f"it is of version {version}, and only 2 and 3 are known"
            )
            raise self._wrong(because)
        tensors, pairs = self._number("Q"), self._number("Q")
        if tensors > MAX_TENSORS or pairs > MAX_PAIRS:
            raise self._wrong(f"it claims {tensors:,} tensors and {pairs:,} pairs of metadata")
        metadata = self._metadata(pairs)
        claims = [self._claim() for _ in range(tensors)]
        if len({claim.name for claim in claims}) != len(claims):
            raise self._wrong("two of its tensors have one name")
        alignment = metadata.get("general.alignment", "32")
        if not alignment.isdecimal() or not 0 < int(alignment) <= _MAX_TEXT_BYTES:
            raise self._wrong("its alignment is no number of bytes")
        begin = -(-self._bytes.at // int(alignment)) * int(alignment)
        return TensorIndex(tuple(self._placed(claim, begin) for claim in claims), metadata)

    # ── metadata ──────────────────────────────────────────────────────────────────────────────────

    def _metadata(self, pairs: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for _ in range(pairs):
            key = self._text(_MAX_NAME_BYTES * 64)
            if key in found:
                raise self._wrong(f"its metadata name {key[:60]!a} twice")
            found[key] = self._value(self._number("I"), 0)
        return found

    def _value(self, kind: int, depth: int) -> str:
        self._values_left -= 1
        if self._values_left < 0:
            raise self._wrong(f"its metadata hold more than {MAX_VALUES:,} values")
        if kind == _TEXT:
            return self._text(_MAX_TEXT_BYTES)[:_MAX_KEPT_TEXT]
        if kind == _LIST:
            return self._list(depth)
        if kind not in _SCALARS:
            raise self._wrong(f"its metadata hold a value of the unknown type {kind}")
        if kind == _BOOL:
            return "true" if self._number("B") else "false"
        return str(self._number(_SCALARS[kind]))

    def _list(self, depth: int) -> str:
        kind, count = self._number("I"), self._number("Q")
        if depth >= _MAX_NESTING:
            raise self._wrong("its metadata are nested too deeply")
        if count > _MAX_LISTED and kind in _SCALARS:
            if not self._bytes.skip(count * struct.calcsize(f"<{_SCALARS[kind]}")):
                raise self._wrong("a list of its metadata is longer than its header")
            return f"a list of {count:,}"
        if count > MAX_VALUES:
            raise self._wrong(f"its metadata claim a list of {count:,}")
        listed = []
        for place in range(count):
            value = self._value(kind, depth + 1)
            if place < _MAX_LISTED:
                listed.append(value)
        return ", ".join(listed) if count <= _MAX_LISTED else f"a list of {count:,}"

    # ── tensors ───────────────────────────────────────────────────────────────────────────────────

    def _claim(self) -> _Claim:
        name = self._text(_MAX_NAME_BYTES)
        sides = self._number("I")
        if sides > _MAX_SIDES:
            raise self._wrong(f"the tensor {name[:60]!a} claims {sides:,} sides")
        shape = tuple(self._number("Q") for _ in range(sides))
        return _Claim(name, shape[::-1], self._number("I"), self._number("Q"))

    def _placed(self, claim: _Claim, begin: int) -> TensorInfo:
        name, values, width = _TYPES.get(claim.kind, (f"GGML_{claim.kind}", 1, 0))
        count = prod(claim.shape)
        if count >= _MAX_U64 or claim.place >= _MAX_U64 // 2:
            raise self._wrong(f"the tensor {claim.name[:60]!a} is larger than any file")
        size = -(-count // values) * width
        at = begin + claim.place
        if at + size > self._source.size_bytes:
            because = f"it is cut off: {self._source.size_bytes:,} bytes of {at + size:,}"
            raise self._wrong(because)
        return TensorInfo(claim.name, name, claim.shape, at, at + size)

    # ── bytes ─────────────────────────────────────────────────────────────────────────────────────

    def _take(self, count: int) -> bytes:
        found = self._bytes.take(count)
        if len(found) < count:
            because = (
                "its header ends in the middle"
                if self._bytes.at >= self._source.size_bytes
                else f"its header is longer than {MAX_HEADER_BYTES:,} bytes"
            )
            raise self._wrong(because)
        return found

    def _number(self, form: str) -> int:
        number: int = struct.unpack(f"<{form}", self._take(struct.calcsize(f"<{form}")))[0]
        return number

    def _text(self, longest: int) -> str:
        length = self._number("Q")
        if length > longest:
            raise self._wrong(f"it claims a text of {length:,} bytes")
        return self._take(length).decode("utf-8", errors="replace")

    def _wrong(self, because: str) -> MalformedHeader:
        return MalformedHeader(self._source.name, because, self._bytes.at)
