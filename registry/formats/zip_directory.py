"""The names in a zip archive, from the table of contents at its end.

The member that stands first does not tell a TorchScript program from a checkpoint; the others do.
Nothing is unpacked, and a broken table only means that nothing is known.
"""

from registry.formats.readable import Readable

_END = b"PK\x05\x06"
_END_BYTES = 22
_ENTRY = b"PK\x01\x02"
_ENTRY_BYTES = 46
_FIRST_LOOK_BYTES = 4096
_LONGEST_COMMENT = 65535
_MOST_BYTES = 1024 * 1024
_WIDE = 0xFFFFFFFF
_LOCATOR_BYTES, _WIDE_END_BYTES = 20, 56


def member_names(source: Readable) -> tuple[str, ...]:
    """Names of the members, as many as the first megabyte of the table tells; () if none can be."""
    tail = source.read(max(source.size_bytes - _FIRST_LOOK_BYTES, 0), source.size_bytes)
    at = tail.rfind(_END)
    if at < 0:
        begin = max(source.size_bytes - _LONGEST_COMMENT - _END_BYTES, 0)
        tail = source.read(begin, source.size_bytes)
        at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_BYTES:
        return ()
    size, begin = _number(tail, at + 12, 4), _number(tail, at + 16, 4)
    if _WIDE in (size, begin):
        size, begin = _wide_end(source, tail, at)
    if begin + size > source.size_bytes:
        return ()
    table = source.read(begin, begin + min(size, _MOST_BYTES))
    return tuple(_names(table))


def _wide_end(source: Readable, tail: bytes, at: int) -> tuple[int, int]:
    """Length and place of the table in an archive over 4 GiB; nothing, if it is not told."""
    locator = tail[max(at - _LOCATOR_BYTES, 0) : at]
    if not locator.startswith(b"PK\x06\x07"):
        return 0, 0
    place = _number(locator, 8, 8)
    end = source.read(place, place + _WIDE_END_BYTES) if place < source.size_bytes else b""
    if not end.startswith(b"PK\x06\x06") or len(end) < _WIDE_END_BYTES:
        return 0, 0
    return _number(end, 40, 8), _number(end, 48, 8)


def _names(table: bytes) -> list[str]:
    names = []
    at = 0
    while table.startswith(_ENTRY, at) and at + _ENTRY_BYTES <= len(table):
        name, extra, comment = (_number(table, at + place, 2) for place in (28, 30, 32))
        begin = at + _ENTRY_BYTES
        names.append(table[begin : begin + name].decode("utf-8", errors="replace"))
        at = begin + name + extra + comment
    return names


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")
