"""The header of a safetensors file, read strictly.

Layout: eight bytes little-endian length, that many bytes of JSON, then the tensors without gaps
(https://github.com/huggingface/safetensors#format). Stricter than the reference in four points:
a name may stand there once, the header begins with ``{``, metadata is an object of strings, and
what would take far more memory than its length is refused.
A dtype that we do not know is catalogued, not refused: formats grow.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.errors import MalformedHeader
from registry.formats.readable import Readable, readable

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000  # the limit of the reference
MAX_TENSORS = 100_000
# What lies outside of strings costs memory many times its length. The largest checkpoints stay
# below 1 MiB; a longer header is metadata, or somebody's attempt to fill our memory.
_SUSPICIOUS_BYTES = 1024 * 1024
# In memory every sign of a text is as wide as its widest: an emoji makes 100 MB into 400.
_MAX_WIDE_BYTES = 32 * 1024 * 1024
_MAX_STRUCTURE_BYTES = 16 * 1024 * 1024
_MAX_BRACKETS = 4 * MAX_TENSORS
_MAX_QUOTES = 12 * MAX_TENSORS
_MAX_U64 = 2**64 - 1
_MAX_DIGITS = 20
# Civitai does not skip a longer header when it computes an AutoV3.
_AUTOV3_MAX_HEADER_BYTES = 16 * 1024 * 1024

# Possessive: it never goes back, so it needs no memory for a string of 100 MB.
_STRING = re.compile(rb'"[^"]*+"')
_WIDE = re.compile(rb"[^\x00-\x7f]|\\u[dD][89abAB]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E4M3FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}


def read_index(path: Path) -> TensorIndex:
    """Read the tensors' names and places; of the file only its header.

    Raises:
        MalformedHeader: It breaks a rule of the format, or the file's length does not fit it.
        UnreadableFile: It cannot be opened or read.
    """
    with readable(path) as source:
        return read_safetensors(source)


def read_safetensors(source: Readable) -> TensorIndex:
    """The same for a file that is open already, or lies elsewhere: two reads."""
    size_bytes, name = source.size_bytes, source.name
    length = header_bytes(source.read(0, LENGTH_BYTES), size_bytes=size_bytes, name=name)
    header = source.read(LENGTH_BYTES, LENGTH_BYTES + length)
    return parse_header(header, size_bytes=size_bytes, name=name)


def check_whole(path: Path) -> None:
    """Make sure that the file is as long as its header says.

    A file that another program left half-written is found by this without reading the tensors.

    Raises:
        MalformedHeader: It is shorter, longer, or no safetensors file.
        UnreadableFile: It cannot be opened or read.
    """
    read_index(path)


def header_of(path: Path) -> bytes | None:
    """Everything before the tensors, the eight bytes of its length included.

    None for what does not begin like a safetensors file, and for headers over 16 MiB, which no
    real model has.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    with readable(path) as source:
        first = source.read(0, LENGTH_BYTES + 1)
        begin = autov3_begin(first)
        if first[LENGTH_BYTES:] != b"{" or begin == LENGTH_BYTES or begin > source.size_bytes:
            return None
        return source.read(0, begin)


def header_bytes(first: bytes, *, size_bytes: int, name: str) -> int:
    """How long the JSON is that follows the first eight bytes of a file of `size_bytes`.

    Decides from these numbers alone, so that nobody allocates what a header only claims.

    Raises:
        MalformedHeader: No such header can be in a file of this length.
    """
    if len(first) < LENGTH_BYTES:
        raise MalformedHeader(name, f"it ends after {len(first)} bytes, before its header", 0)
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        limit = f"{MAX_HEADER_BYTES:,}"
        raise MalformedHeader(name, f"it claims a header of {length:,} bytes, over {limit}", 0)
    if length > size_bytes - LENGTH_BYTES:
        because = f"it claims a header of {length:,} bytes in a file of {size_bytes:,}"
        raise MalformedHeader(name, because, 0)
    if length < len(b"{}"):
        raise MalformedHeader(name, "its header is empty", 0)
    return length


def parse_header(header: bytes, *, size_bytes: int, name: str) -> TensorIndex:
    """Understand the JSON of a header.

    Args:
        header: The bytes behind the length, exactly as many as it says.
        size_bytes: Length of the whole file; the tensors must fill what the header leaves.
        name: What to call the file in an error.

    Raises:
        MalformedHeader: It breaks a rule of the format.
    """
    data_begin = LENGTH_BYTES + len(header)
    entries = _decode(header, name)
    metadata = _metadata(entries.pop("__metadata__", {}), name)
    if len(entries) > MAX_TENSORS:
        raise MalformedHeader(name, f"it claims {len(entries):,} tensors", LENGTH_BYTES)
    tensors = tuple(_tensor(key, entry, data_begin, name) for key, entry in entries.items())
    _check_places(tensors, data_begin, size_bytes, name)
    return TensorIndex(tensors, metadata)


def autov3_begin(first: bytes) -> int:
    """Where the bytes begin whose SHA-256 is an AutoV3, from the first eight bytes of a file.

    Civitai applies the rule to every format: what is not a plausible header length (a pickle, or
    a header over 16 MiB) is not skipped, only the eight bytes are.

    Example:
        >>> autov3_begin((71).to_bytes(8, "little")), autov3_begin(b"PK__torch")
        (79, 8)
    """
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    return LENGTH_BYTES + (length if length <= _AUTOV3_MAX_HEADER_BYTES else 0)


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object as its pairs: a dictionary would swallow a name that comes twice."""

    pairs: list[tuple[str, object]]


class _Broken(ValueError):
    """A rule that the JSON breaks, found in the middle of its decoding."""


def _decode(header: bytes, name: str) -> dict[str, object]:
    if not header.startswith(b"{"):
        raise MalformedHeader(name, "its header does not begin with {", LENGTH_BYTES)
    if len(header) > _SUSPICIOUS_BYTES:
        _check_structure(header, name)
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        at = LENGTH_BYTES + error.start
        raise MalformedHeader(name, "its header is not UTF-8", at) from error
    try:
        decoded: object = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_constant=_no_constant,
            parse_float=_no_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        at = LENGTH_BYTES + len(text[: error.pos].encode())
        raise MalformedHeader(name, f"its header is not JSON: {error.msg}", at) from error
    except RecursionError as error:
        raise MalformedHeader(name, "its header is nested too deeply", LENGTH_BYTES) from error
    except _Broken as error:
        raise MalformedHeader(name, str(error), LENGTH_BYTES) from error
    return _unique(decoded, "the header", name)


def _check_structure(header: bytes, name: str) -> None:
    """Refuse what would become far more in memory than any model has."""
    if len(header) > _MAX_WIDE_BYTES and _WIDE.search(header):
        raise MalformedHeader(name, "its header has more text than any model", LENGTH_BYTES)
    because = "its header has more structure than any model"
    # Without the escapes, every quotation mark that is left opens or closes a string.
    unescaped = header.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > _MAX_QUOTES:
        raise MalformedHeader(name, because, LENGTH_BYTES)
    structure = _STRING.sub(b"", unescaped)
    brackets = structure.count(b"{") + structure.count(b"[")
    if len(structure) > _MAX_STRUCTURE_BYTES or brackets > _MAX_BRACKETS:
        raise MalformedHeader(name, because, LENGTH_BYTES)


def _no_constant(text: str) -> NoReturn:
    raise _Broken(f"its header holds {text}, which JSON has not")


def _no_float(text: str) -> NoReturn:
    raise _Broken(f"its header holds the fraction {text[:_MAX_DIGITS]}")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _Broken(f"its header holds a number of {len(text):,} digits")
    return int(text)


def _unique(value: object, what: str, name: str) -> dict[str, object]:
    """The pairs of an object, none of which may come twice."""
    if not isinstance(value, _Object):
        raise MalformedHeader(name, f"{what} is not an object", LENGTH_BYTES)
    found: dict[str, object] = {}
    for key, item in value.pairs:
        if key in found:
            raise MalformedHeader(name, f"{what} names {_quoted(key)} twice", LENGTH_BYTES)
        if _SURROGATE.search(key):
            because = f"{what} holds half a character in the name {_quoted(key)}"
            raise MalformedHeader(name, because, LENGTH_BYTES)
        found[key] = item
    return found


def _metadata(value: object, name: str) -> dict[str, str]:
    if value == {}:
        return {}
    texts: dict[str, str] = {}
    for key, text in _unique(value, "__metadata__", name).items():
        if not isinstance(text, str):
            because = f"__metadata__ has something else than text for {_quoted(key)}"
            raise MalformedHeader(name, because, LENGTH_BYTES)
        if _SURROGATE.search(text):
            because = f"__metadata__ holds half a character for {_quoted(key)}"
            raise MalformedHeader(name, because, LENGTH_BYTES)
        texts[key] = text
    return texts


def _tensor(key: str, value: object, data_begin: int, name: str) -> TensorInfo:
    what = f"the tensor {_quoted(key)}"
    entry = _unique(value, what, name)
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or not dtype.isascii():
        raise MalformedHeader(name, f"{what} has no dtype", LENGTH_BYTES)
    shape = _naturals(entry.get("shape"))
    if shape is None:
        raise MalformedHeader(name, f"{what} has no proper shape", LENGTH_BYTES)
    offsets = _naturals(entry.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - a pair
        raise MalformedHeader(name, f"{what} has no proper data_offsets", LENGTH_BYTES)
    begin, end = offsets
    bits = _BITS.get(dtype)
    if bits is not None:
        wanted = _bits_of(shape, bits)
        if wanted is None or wanted != (end - begin) * 8:
            because = f"{what} needs another number of bytes than its {end - begin:,}"
            raise MalformedHeader(name, because, LENGTH_BYTES)
    return TensorInfo(key, dtype, shape, data_begin + begin, data_begin + end)


def _bits_of(shape: tuple[int, ...], bits: int) -> int | None:
    """How many bits a tensor has, None if no file could count them."""
    total = 1
    for side in shape:
        # An empty tensor is no licence for sides that overflow what others compute.
        total *= side or 1
        if total > _MAX_U64:
            return None
    if 0 in shape:
        return 0
    return total * bits


def _naturals(value: object) -> tuple[int, ...] | None:
    """A list of whole numbers from 0 to 2^64 - 1; True is not 1 here."""
    if not isinstance(value, list):
        return None
    if not all(type(item) is int and 0 <= item <= _MAX_U64 for item in value):
        return None
    return tuple(value)


def _check_places(
    tensors: tuple[TensorInfo, ...], data_begin: int, size_bytes: int, name: str
) -> None:
    """Make sure that the tensors fill the file, without gap, overlap or tail."""
    at = data_begin
    for tensor in sorted(tensors, key=lambda each: (each.begin, each.end)):
        if tensor.begin != at:
            wrong = "overlaps the one before it" if tensor.begin < at else "comes after a gap"
            raise MalformedHeader(name, f"the tensor {_quoted(tensor.name)} {wrong}", tensor.begin)
        at = tensor.end
    if at > size_bytes:
        because = f"it is cut off: {size_bytes:,} bytes of {at:,}"
        raise MalformedHeader(name, because, size_bytes)
    if at < size_bytes:
        raise MalformedHeader(name, f"{size_bytes - at:,} bytes follow its last tensor", at)


def _quoted(text: str) -> str:
    """A name for an error: short, and without signs that would move a terminal's cursor."""
    short = text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - fits a line
    return ascii(short)
