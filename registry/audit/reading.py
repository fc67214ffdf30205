"""Read a file from the disk and not from the memory of the system, piece by piece.

What the page cache holds says nothing about the disk. So the cache is asked to forget the file
first, and each piece after it was read: an audit takes nothing from what others keep there. Where
it does not forget (somebody uses the file), and for every second look, the pieces go past the cache
(O_DIRECT), which is slower. While one piece is hashed, the next ones are being read.
"""

import contextlib
import errno
import mmap
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from registry.domain.pieces import PIECE_BYTES

if sys.platform != "win32":
    import fcntl

_AHEAD = 3
# After so many refusals in a row the rest is not asked for: a dying disk takes half a minute each.
_ENOUGH = 16
# What a file system says that does not read past the cache, or not just here.
_NOT_DIRECT = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a file, as it was read.

    Attributes:
        index: Which one.
        content: Its bytes, good until the next piece is asked for; None if the disk refused.
        refusal: What it said then.
    """

    index: int
    content: memoryview | None
    refusal: OSError | None = None


class ColdFile:
    """An open file whose pieces come from the disk; one thread at a time reads it.

    Attributes:
        status: What the system said of it when it was opened.
    """

    def __init__(self, descriptor: int, *, direct: bool) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0, closefd=False)
        self.status = os.fstat(descriptor)
        self._direct = (direct or not self._forgotten()) and self._go_past_the_cache()

    @property
    def size_bytes(self) -> int:
        """Its length when it was opened."""
        return self.status.st_size

    def read(self, index: int, buffer: mmap.mmap) -> Piece:
        """Read one piece into `buffer`, which has room for one and lies on a page."""
        begin = index * PIECE_BYTES
        wanted = min(PIECE_BYTES, self.size_bytes - begin)
        view = memoryview(buffer)
        filled = 0
        try:
            while filled < wanted:
                self._file.seek(begin + filled)
                count = self._read_on(view[filled:])
                if not count:
                    break
                filled += count
        except OSError as error:
            return Piece(index, None, error)
        if not self._direct:
            self._forget(begin, PIECE_BYTES)
        return Piece(index, view[: min(filled, wanted)])

    def _read_on(self, view: memoryview) -> int:
        try:
            return self._file.readinto(view) or 0
        except OSError as error:
            if not self._direct or error.errno not in _NOT_DIRECT:
                raise
        self._direct = False
        self._set_flags(0)
        return self._file.readinto(view) or 0

    def _go_past_the_cache(self) -> bool:
        """Whether the file system lets us."""
        if not hasattr(os, "O_DIRECT"):
            return False
        try:
            self._set_flags(os.O_DIRECT)
        except OSError as error:
            if error.errno not in _NOT_DIRECT:
                raise
            return False
        return True

    def _set_flags(self, flags: int) -> None:
        if sys.platform != "win32":
            fcntl.fcntl(self._file.fileno(), fcntl.F_SETFL, flags)

    def _forget(self, begin: int, count: int) -> None:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), begin, count, os.POSIX_FADV_DONTNEED)

    def _forgotten(self) -> bool:
        """Ask the cache to forget the file; whether it did, as far as can be told."""
        if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
            return False
        self._forget(0, 0)
        for begin in range(0, self.size_bytes, PIECE_BYTES):
            with contextlib.suppress(BlockingIOError):  # it must be fetched: as we want it
                try:
                    os.preadv(self._file.fileno(), [bytearray(1)], begin, os.RWF_NOWAIT)
                except OSError as error:
                    if error.errno not in _NOT_DIRECT:
                        raise
                return False
        os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return True


@contextmanager
def cold_file(path: Path, *, direct: bool = False) -> Iterator[ColdFile]:
    """Open a file to read it from the disk.

    Args:
        path: The file.
        direct: Past the cache in any case, where the file system can.

    Raises:
        OSError: It cannot be opened, or it is no file.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file any more", str(path))
        yield ColdFile(descriptor, direct=direct)
    finally:
        os.close(descriptor)


def cold_pieces(file: ColdFile, indices: Iterable[int]) -> Iterator[Piece]:
    """Read these pieces in order; those that the disk refuses come without content."""
    free: SimpleQueue[mmap.mmap | None] = SimpleQueue()
    ready: SimpleQueue[tuple[Piece, mmap.mmap] | BaseException | None] = SimpleQueue()
    reader = threading.Thread(
        target=_read_ahead, args=(file, tuple(indices), free, ready), name="audit-reader"
    )
    for _ in range(_AHEAD):
        free.put(mmap.mmap(-1, PIECE_BYTES))
    reader.start()
    try:
        while (got := ready.get()) is not None:
            if isinstance(got, BaseException):
                raise got
            piece, buffer = got
            yield piece
            free.put(buffer)
    finally:
        free.put(None)
        reader.join()


def _read_ahead(
    file: ColdFile,
    indices: tuple[int, ...],
    free: "SimpleQueue[mmap.mmap | None]",
    ready: "SimpleQueue[tuple[Piece, mmap.mmap] | BaseException | None]",
) -> None:
    refused = 0
    try:
        for index in indices:
            buffer = free.get()
            if buffer is None:
                return
            if refused < _ENOUGH:
                piece = file.read(index, buffer)
                refused = refused + 1 if piece.refusal is not None else 0
            else:
                piece = Piece(index, None, piece.refusal)
            ready.put((piece, buffer))
        ready.put(None)
    except BaseException as error:  # noqa: BLE001 -- handed to whoever asked for the pieces
        ready.put(error)
