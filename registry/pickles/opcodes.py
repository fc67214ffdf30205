"""Bytes of a pickle -> its operations, each with the place where it stands.

Understands every opcode of the protocols 0 to 5 (Lib/pickletools.py) and decides nothing: what may
be done is the policy's matter, what it means is the machine's. Lengths that the bytes only claim
are never allocated.
"""

import codecs
import re
import struct
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_TEXTS_BYTES = 32 * 1024 * 1024
_MAX_LINE_BYTES = 64 * 1024
_MAX_NUMBER_LINE_BYTES = 256
_MAX_LONG_BYTES = 1024
_HIGHEST_PROTOCOL = 5

Argument = int | float | str | bytes | tuple[str, str] | None


class BrokenPickle(ValueError):
    """The bytes are no pickle from here on.

    Attributes:
        because: What is wrong, as the end of a sentence.
        at_byte: Where the operation stands.
        cut_off: Whether the bytes just end too early.
        over_limit: Whether it may be a pickle, but one beyond our limits.
    """

    def __init__(
        self, because: str, at_byte: int, *, cut_off: bool = False, over_limit: bool = False
    ) -> None:
        super().__init__(because)
        self.because = because
        self.at_byte = at_byte
        self.cut_off = cut_off
        self.over_limit = over_limit


class Operation(NamedTuple):
    """One operation: its name as pickletools spells it, its argument, its place in the file."""

    name: str
    argument: Argument
    at_byte: int


class Tape:
    """Bytes of a file from one place to another, read forwards.

    Args:
        file: Opened for reading; nobody else moves in it meanwhile.
        begin: Where reading begins.
        end: Where the bytes end, whatever the file holds behind.
    """

    def __init__(self, file: IO[bytes], begin: int, end: int) -> None:
        file.seek(begin)
        self._file = file
        self.at_byte = begin
        self.end = end
        self._texts_bytes = 0

    def take(self, count: int, began: int) -> bytes:
        """The next bytes, exactly so many; `began` is where their operation stands."""
        found = self._file.read(count) if count <= self.end - self.at_byte else b""
        if len(found) != count:
            raise BrokenPickle("it is cut off", began, cut_off=True)
        self.at_byte += count
        return found

    def text(self, count: int, began: int) -> bytes:
        """The bytes of a text, if all texts together stay within bounds."""
        self._texts_bytes += count
        if count > MAX_TEXT_BYTES or self._texts_bytes > MAX_TEXTS_BYTES:
            because = f"its texts are longer than {MAX_TEXTS_BYTES:,} bytes"
            raise BrokenPickle(because, began, over_limit=True)
        return self.take(count, began)

    def line(self, began: int, limit: int = _MAX_LINE_BYTES) -> bytes:
        """The bytes up to the next line feed, without it."""
        found = self._file.readline(min(limit, self.end - self.at_byte))
        if not found.endswith(b"\n"):
            whole = len(found) < limit
            because = "it is cut off" if whole else "a line has no end"
            raise BrokenPickle(because, began, cut_off=whole)
        self.at_byte += len(found)
        self._texts_bytes += len(found)
        if self._texts_bytes > MAX_TEXTS_BYTES:
            because = f"its texts are longer than {MAX_TEXTS_BYTES:,} bytes"
            raise BrokenPickle(because, began, over_limit=True)
        return found[:-1]


def operations(tape: Tape) -> Iterator[Operation]:
    """The operations of the one pickle that begins here, up to and with its STOP.

    Raises:
        BrokenPickle: The bytes are no pickle from there on.
    """
    while True:
        began = tape.at_byte
        code = tape.take(1, began)
        known = _OPCODES.get(code)
        if known is None:
            raise BrokenPickle(f"{code!r} is no operation of a pickle", began)
        name, read = known
        try:
            argument = None if read is None else read(tape, began)
        except BrokenPickle:
            raise
        except (ValueError, OverflowError) as error:
            raise BrokenPickle(f"the argument of {name} makes no sense", began) from error
        yield Operation(name, argument, began)
        if name == "STOP":
            return


# ── arguments ─────────────────────────────────────────────────────────────────────────────────────


def _natural(size_bytes: int) -> Callable[[Tape, int], int]:
    def read(tape: Tape, began: int) -> int:
        return int.from_bytes(tape.take(size_bytes, began), "little")

    return read


def _signed_4(tape: Tape, began: int) -> int:
    return int.from_bytes(tape.take(4, began), "little", signed=True)


def _double(tape: Tape, began: int) -> float:
    (number,) = struct.unpack(">d", tape.take(8, began))
    return float(number)


def _counted(width: int, decode: Callable[[bytes], Argument]) -> Callable[[Tape, int], Argument]:
    def read(tape: Tape, began: int) -> Argument:
        count = int.from_bytes(tape.take(width, began), "little")
        return decode(tape.text(count, began))

    return read


def _long(width: int) -> Callable[[Tape, int], int]:
    def read(tape: Tape, began: int) -> int:
        count = int.from_bytes(tape.take(width, began), "little")
        if count > _MAX_LONG_BYTES:
            raise BrokenPickle(f"a number has {count:,} bytes", began, over_limit=True)
        return int.from_bytes(tape.take(count, began), "little", signed=True)

    return read


def _number_line(tape: Tape, began: int) -> int:
    return int(tape.line(began, _MAX_NUMBER_LINE_BYTES))


def _int_line(tape: Tape, began: int) -> int:
    line = tape.line(began, _MAX_NUMBER_LINE_BYTES)
    return line == b"01" if line in {b"00", b"01"} else int(line)


def _long_line(tape: Tape, began: int) -> int:
    return int(tape.line(began, _MAX_NUMBER_LINE_BYTES).removesuffix(b"L"))


def _float_line(tape: Tape, began: int) -> float:
    return float(tape.line(began, _MAX_NUMBER_LINE_BYTES))


def _quoted_line(tape: Tape, began: int) -> str:
    line = tape.line(began).strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in {b"'", b'"'}:  # noqa: PLR2004 - two marks
        raise BrokenPickle("a text has no quotation marks", began)
    return _old_text(_ESCAPE.sub(_unescaped, line[1:-1]))


_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


def _unescaped(found: re.Match[bytes]) -> bytes:
    what = found[1]
    if what[:1] == b"x" and len(what) > 1:
        return bytes.fromhex(what[1:].decode("ascii"))
    if what[:1].isdigit() and what[0] < ord("8"):
        return bytes([int(what, 8) & 0xFF])
    return bytes([_LETTERS.get(what[0], what[0])])


def _unicode_line(tape: Tape, began: int) -> str:
    return codecs.raw_unicode_escape_decode(tape.line(began))[0]


def _text_line(tape: Tape, began: int) -> str:
    return _unicode(tape.line(began))


def _two_lines(tape: Tape, began: int) -> tuple[str, str]:
    return _unicode(tape.line(began)), _unicode(tape.line(began))


def _unicode(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def _old_text(content: bytes) -> str:
    """A text of Python 2, which did not say what its bytes mean; Latin-1 loses none of them."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _protocol(tape: Tape, began: int) -> int:
    protocol = tape.take(1, began)[0]
    if protocol > _HIGHEST_PROTOCOL:
        raise BrokenPickle(f"nobody knows the protocol {protocol}", began)
    return protocol


def _frame(tape: Tape, began: int) -> int:
    length = int.from_bytes(tape.take(8, began), "little")
    if length > tape.end - tape.at_byte:
        raise BrokenPickle("a frame is longer than the file", began, cut_off=True)
    return length


_OPCODES: dict[bytes, tuple[str, Callable[[Tape, int], Argument] | None]] = {
    b"(": ("MARK", None),
    b".": ("STOP", None),
    b"0": ("POP", None),
    b"1": ("POP_MARK", None),
    b"2": ("DUP", None),
    b"F": ("FLOAT", _float_line),
    b"I": ("INT", _int_line),
    b"J": ("BININT", _signed_4),
    b"K": ("BININT1", _natural(1)),
    b"L": ("LONG", _long_line),
    b"M": ("BININT2", _natural(2)),
    b"N": ("NONE", None),
    b"P": ("PERSID", _text_line),
    b"Q": ("BINPERSID", None),
    b"R": ("REDUCE", None),
    b"S": ("STRING", _quoted_line),
    b"T": ("BINSTRING", _counted(4, _old_text)),
    b"U": ("SHORT_BINSTRING", _counted(1, _old_text)),
    b"V": ("UNICODE", _unicode_line),
    b"X": ("BINUNICODE", _counted(4, _unicode)),
    b"a": ("APPEND", None),
    b"b": ("BUILD", None),
    b"c": ("GLOBAL", _two_lines),
    b"d": ("DICT", None),
    b"}": ("EMPTY_DICT", None),
    b"e": ("APPENDS", None),
    b"g": ("GET", _number_line),
    b"h": ("BINGET", _natural(1)),
    b"i": ("INST", _two_lines),
    b"j": ("LONG_BINGET", _natural(4)),
    b"l": ("LIST", None),
    b"]": ("EMPTY_LIST", None),
    b"o": ("OBJ", None),
    b"p": ("PUT", _number_line),
    b"q": ("BINPUT", _natural(1)),
    b"r": ("LONG_BINPUT", _natural(4)),
    b"s": ("SETITEM", None),
    b"t": ("TUPLE", None),
    b")": ("EMPTY_TUPLE", None),
    b"u": ("SETITEMS", None),
    b"G": ("BINFLOAT", _double),
    b"\x80": ("PROTO", _protocol),
    b"\x81": ("NEWOBJ", None),
    b"\x82": ("EXT1", _natural(1)),
    b"\x83": ("EXT2", _natural(2)),
    b"\x84": ("EXT4", _signed_4),
    b"\x85": ("TUPLE1", None),
    b"\x86": ("TUPLE2", None),
    b"\x87": ("TUPLE3", None),
    b"\x88": ("NEWTRUE", None),
    b"\x89": ("NEWFALSE", None),
    b"\x8a": ("LONG1", _long(1)),
    b"\x8b": ("LONG4", _long(4)),
    b"B": ("BINBYTES", _counted(4, bytes)),
    b"C": ("SHORT_BINBYTES", _counted(1, bytes)),
    b"\x8c": ("SHORT_BINUNICODE", _counted(1, _unicode)),
    b"\x8d": ("BINUNICODE8", _counted(8, _unicode)),
    b"\x8e": ("BINBYTES8", _counted(8, bytes)),
    b"\x8f": ("EMPTY_SET", None),
    b"\x90": ("ADDITEMS", None),
    b"\x91": ("FROZENSET", None),
    b"\x92": ("NEWOBJ_EX", None),
    b"\x93": ("STACK_GLOBAL", None),
    b"\x94": ("MEMOIZE", None),
    b"\x95": ("FRAME", _frame),
    b"\x96": ("BYTEARRAY8", _counted(8, bytes)),
    b"\x97": ("NEXT_BUFFER", None),
    b"\x98": ("READONLY_BUFFER", None),
}
