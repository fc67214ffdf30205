"""Something that can be read in stretches: a file on the disk, or one at the other end of a line.

Whoever looks into a file asks for few bytes at known places, so that a file of many gigabytes is
understood without reading it, and a remote one without fetching it.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.errors import UnreadableFile


@dataclass(frozen=True, slots=True)
class Readable:
    """One file, wherever it lies.

    Attributes:
        name: What to call it in an error.
        size_bytes: Its length.
        read: The bytes from `begin` up to `end`; fewer only where the file is shorter.
    """

    name: str
    size_bytes: int
    read: Callable[[int, int], bytes]


@contextlib.contextmanager
def readable(path: Path) -> Iterator[Readable]:
    """Open a file on the disk.

    Raises:
        UnreadableFile: It cannot be opened or read, or is no file.
    """
    name = str(path)
    try:
        if path.exists() and not path.is_file():
            raise UnreadableFile(name, "it is no file")
        with path.open("rb") as file:

            def read(begin: int, end: int) -> bytes:
                file.seek(begin)
                return file.read(max(end - begin, 0))

            yield Readable(name, os.fstat(file.fileno()).st_size, read)
    except OSError as error:
        raise UnreadableFile(name, error.strerror or str(error)) from error


class Stretch:
    """Reads on from one place, in ever larger gulps, for formats that do not tell their length.

    Args:
        source: Where the bytes are.
        begin: The first of them.
        most_bytes: Nothing behind so many is read.
    """

    def __init__(self, source: Readable, begin: int, *, most_bytes: int) -> None:
        self._source = source
        self._end = min(source.size_bytes, begin + most_bytes)
        self._held = bytearray()
        self._held_from = begin
        self._gulp = _FIRST_GULP
        self.at = begin

    def take(self, count: int) -> bytes:
        """The next `count` bytes; fewer only where the file or the limit ends."""
        begin = self.at - self._held_from
        while begin + count > len(self._held) and self._more():
            begin = self.at - self._held_from
        found = bytes(self._held[begin : begin + count])
        self.at += len(found)
        return found

    def skip(self, count: int) -> bool:
        """Go on behind `count` bytes without reading them; whether they are there."""
        if self.at + count > self._end:
            return False
        self.at += count
        return True

    def _more(self) -> bool:
        behind = self._held_from + len(self._held)
        if self.at >= behind:  # something was skipped: what lies between is not wanted
            self._held.clear()
            self._held_from = behind = self.at
        elif self.at - self._held_from > _FIRST_GULP:
            del self._held[: self.at - self._held_from]
            self._held_from = self.at
        more = self._source.read(behind, min(behind + self._gulp, self._end))
        self._held += more
        self._gulp = min(self._gulp * 2, _LARGEST_GULP)
        return bool(more)


_FIRST_GULP = 16 * 1024
_LARGEST_GULP = 1024 * 1024
