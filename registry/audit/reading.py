"""Read a file from the disk and not from the memory of the system, piece by piece.

What the page cache holds says nothing about the disk. So the cache is asked to forget the file
first, and each piece after it was read: an audit takes nothing from what others keep there. Where
it does not forget (somebody uses the file), and for every second look, the pieces go past the cache
(O_DIRECT), which is slower. Several pieces are read and hashed at a time: a quick disk wants to be
asked for more than one thing at once.
"""

import ctypes
import errno
import mmap
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import SimpleQueue

from blake3 import blake3

from registry.domain.pieces import PIECE_BYTES

if sys.platform != "win32":
    import fcntl

_WORKERS = 4
_BUFFERS = _WORKERS + 2
# After so many refusals in a row the rest is not asked for: a dying disk takes half a minute each.
_ENOUGH = 16
# What a file system says that does not read past the cache, or not just here.
_NOT_DIRECT = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
_GIVEN_UP = OSError(errno.EIO, os.strerror(errno.EIO))
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a file, as it was read.

    Attributes:
        index: Which one.
        content: Its bytes, good until the next piece is asked for; none if the disk refused.
        digest: Their BLAKE3; empty if the disk refused.
        refusal: What it said then.
    """

    index: int
    content: memoryview = field(default_factory=lambda: memoryview(b""))
    digest: str = ""
    refusal: OSError | None = None


class ColdFile:
    """An open file whose pieces come from the disk.

    Attributes:
        status: What the system said of it when it was opened.
        is_direct: Whether it is read past the cache.
    """

    def __init__(self, descriptor: int, *, direct: bool) -> None:
        self.status = os.fstat(descriptor)
        self._file = os.fdopen(descriptor, "rb", buffering=0, closefd=False)
        self._lock = threading.Lock()
        self.is_direct = direct and self._go_past_the_cache()

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
                count = self._read_at(begin + filled, view[filled:])
                if not count:
                    break
                filled += count
        except OSError as error:
            return Piece(index, refusal=error)
        if not self.is_direct:
            self._forget(begin, PIECE_BYTES)
        content = view[: min(filled, wanted)]
        return Piece(index, content, blake3(content).hexdigest())

    def forget(self) -> bool:
        """Ask the cache to forget the file; whether it did, as far as can be told."""
        self._forget(0, 0)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return not _is_in_cache(self._file.fileno(), self.size_bytes)

    def _read_at(self, begin: int, view: memoryview) -> int:
        try:
            return self._read_once(begin, view)
        except OSError as error:
            if not self.is_direct or error.errno not in _NOT_DIRECT:
                raise
        self.is_direct = False
        self._set_flags(0)
        return self._read_once(begin, view)

    def _read_once(self, begin: int, view: memoryview) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [view], begin)
        with self._lock:  # one place in the file for all threads
            self._file.seek(begin)
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


@contextmanager
def cold_file(path: Path, *, direct: bool = False) -> Iterator[ColdFile]:
    """Open a file to read it from the disk.

    Args:
        path: The file.
        direct: Past the cache in any case, where the file system can.

    Raises:
        OSError: It cannot be opened, or it is no file.
    """
    with _opened(path, direct=direct) as file:
        if direct or file.forget():
            yield file
            return
        with _opened(path, direct=True) as past_the_cache:
            yield past_the_cache


@contextmanager
def _opened(path: Path, *, direct: bool) -> Iterator[ColdFile]:
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file any more", str(path))
        yield ColdFile(descriptor, direct=direct)
    finally:
        os.close(descriptor)


def _is_in_cache(descriptor: int, size_bytes: int) -> bool:
    """Whether the page cache holds any of a file: mincore(2), which brings nothing in.

    Where the system has no such call, or does not say, the answer is yes.
    """
    if size_bytes == 0:
        return False
    if not sys.platform.startswith("linux"):
        return True
    pages = ctypes.create_string_buffer(-(-size_bytes // mmap.PAGESIZE))
    try:
        mapping = mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):
        return True  # a file system without maps, or somebody cuts the file just now
    with mapping as mapped:
        address = ctypes.addressof(first := ctypes.c_char.from_buffer(mapped))
        refused = _mincore()(address, size_bytes, pages) != 0
        del first  # or the mapping could not be closed
    return refused or pages.raw.count(0) < len(pages)


@cache
def _mincore() -> "ctypes._FuncPointer":
    call = ctypes.CDLL(None).mincore
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    return call


def cold_pieces(file: ColdFile, indices: Iterable[int]) -> Iterator[Piece]:
    """Read and hash these pieces; they come in order. Those that the disk refuses have no bytes."""
    wanted = tuple(indices)
    work = _Work(file, wanted)
    workers = [
        threading.Thread(target=work.take_part, name=f"audit-reader-{number}")
        for number in range(min(_WORKERS, len(wanted)))
    ]
    for worker in workers:
        worker.start()
    try:
        for index in wanted:
            yield from work.next(index)
    finally:
        work.stop()
        for worker in workers:
            worker.join()


class _Work:
    """The pieces of one file, shared out among threads."""

    def __init__(self, file: ColdFile, wanted: Sequence[int]) -> None:
        self._file = file
        self._left = iter(wanted)
        self._lock = threading.Lock()
        self._free: SimpleQueue[mmap.mmap | None] = SimpleQueue()
        self._done: dict[int, tuple[Piece, mmap.mmap]] = {}
        self._is_done = threading.Condition(self._lock)
        self._failure: BaseException | None = None
        self._refused_in_a_row = 0
        for _ in range(min(_BUFFERS, len(wanted))):
            self._free.put(mmap.mmap(-1, PIECE_BYTES))

    def next(self, index: int) -> Iterator[Piece]:
        """The piece of this index, as soon as it was read; its bytes are good until the next."""
        with self._is_done:
            while index not in self._done and self._failure is None:
                self._is_done.wait()
            if self._failure is not None:
                raise self._failure
            piece, buffer = self._done.pop(index)
        yield piece
        self._free.put(buffer)

    def take_part(self) -> None:
        """Read pieces until there are none left."""
        try:
            self._read_all()
        except BaseException as error:  # noqa: BLE001 -- handed to whoever asked for the pieces
            with self._is_done:
                self._failure = error
                self._is_done.notify()

    def stop(self) -> None:
        """Nobody wants any more pieces."""
        with self._lock:
            self._left = iter(())
        for _ in range(_WORKERS):
            self._free.put(None)

    def _read_all(self) -> None:
        while (buffer := self._free.get()) is not None:
            with self._lock:
                index = next(self._left, None)
                gives_up = self._refused_in_a_row >= _ENOUGH
            if index is None:
                return
            piece = Piece(index, refusal=_GIVEN_UP) if gives_up else self._file.read(index, buffer)
            with self._is_done:
                refused = piece.refusal is not None
                self._refused_in_a_row = self._refused_in_a_row + 1 if refused else 0
                self._done[index] = piece, buffer
                self._is_done.notify()
