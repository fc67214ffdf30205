"""The part file and its journal on disk.

Order, after a crash of any kind: the journal is replaced whole, and only after the bytes that it
names are on the disk. Whoever reads it hashes those bytes again before trusting them.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from registry.errors import NotEnoughSpace, StoreError, StoreUnwritable
from registry.transfer.journal import LONGEST_JOURNAL_BYTES, Journal
from registry.transfer.reserve import reserve

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# What writes past the cache are aligned to: no disk has larger blocks.
_BLOCK_BYTES = 4096
# In place of the descriptor for such writes.
_UNTRIED, _CANNOT = -2, -1


class Part:
    """An unfinished file. Open it while holding its key's lock.

    Args:
        folder: Where parts live; on the file system that the finished file will live on.
        key: Name of the part, without a suffix.
        durable: Whether bytes are synced before the journal names them.

    Raises:
        StoreUnwritable: The folder or the file cannot be used.
    """

    def __init__(self, folder: Path, key: str, *, durable: bool) -> None:
        self.path = folder / f"{key}.part"
        self._journal_path = folder / f"{key}.journal"
        self._durable = durable
        self._direct = _UNTRIED
        with disk_errors(self.path):
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._file = _open(self.path, flags | getattr(os, "O_CLOEXEC", 0))
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                os.close(self._file)
                raise StoreUnwritable(str(self.path), "it is not a regular file")

    def close(self) -> None:
        """Let go of the file; what is in it stays."""
        for descriptor in (self._file, self._direct):
            if descriptor >= 0:
                os.close(descriptor)
        self._file, self._direct = -1, _CANNOT

    @property
    def is_open(self) -> bool:
        """Whether there is still a file to write to."""
        return self._file >= 0

    def journal(self) -> Journal | None:
        """What an earlier run left, if the data file can still hold it."""
        journal = read_journal(self._journal_path)
        if journal is None or os.fstat(self._file).st_size > journal.size_bytes:
            return None
        return journal

    def prepare(self, size_bytes: int) -> None:
        """Make room for the whole file before its first byte arrives.

        Raises:
            NotEnoughSpace: It does not fit.
        """
        there = os.fstat(self._file)
        needed = size_bytes - min(getattr(there, "st_blocks", 0) * 512, size_bytes)
        with disk_errors(self.path):
            free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            raise NotEnoughSpace(str(self.path.parent), needed, free)
        with disk_errors(self.path, needed_bytes=needed):
            reserve(self._file, size_bytes)

    def _write_past_cache(self, offset: int, data: memoryview) -> bool:
        """Whether that could be done; if not, all of `data` is still to be written."""
        if self._direct == _UNTRIED:
            self._direct = _open_past_cache(self._file)
        if self._direct == _CANNOT or offset % _BLOCK_BYTES or len(data) % _BLOCK_BYTES:
            return False
        try:
            write_all(self._direct, offset, data)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            os.close(self._direct)
            self._direct = _CANNOT
            return False
        return True

    def cut(self, size_bytes: int) -> None:
        """Let the file end here."""
        with disk_errors(self.path):
            os.ftruncate(self._file, size_bytes)

    def write(self, offset: int, data: memoryview, *, past_cache: bool = False) -> None:
        """Put bytes in their place.

        Args:
            offset: Where they belong.
            data: The bytes.
            past_cache: Straight to the disk, where the file system can and `data` is aligned.

        Raises:
            NotEnoughSpace: The disk is full; what was written is kept.
        """
        with disk_errors(self.path, needed_bytes=len(data)):
            if not (past_cache and self._write_past_cache(offset, data)):
                write_all(self._file, offset, data)

    def read(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer from `offset` on.

        What lies behind the end of the file reads as zeros: it does not have the digest that a
        journal promised, which is all that matters.
        """
        with disk_errors(self.path):
            while buffer:
                count = os.preadv(self._file, [buffer], offset)
                if count == 0:
                    buffer[:] = bytes(len(buffer))
                    return
                buffer = buffer[count:]
                offset += count

    def sync(self) -> None:
        """Bring the bytes to the disk, if we are asked to be durable.

        Raises:
            StoreUnwritable: The disk failed. The part is gone: after a failed sync nobody knows
                which of its pages are good, and a second sync would claim that all are.
        """
        if not self._durable:
            return
        try:
            getattr(os, "fdatasync", os.fsync)(self._file)
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise _translated(error, self.path, 0) from error
            self.discard()
            because = f"the disk failed to keep the bytes ({error.strerror}); they were thrown away"
            raise StoreUnwritable(str(self.path), because) from error

    def save(self, journal: Journal) -> None:
        """Sync the bytes, then replace the journal."""
        self.sync()
        with disk_errors(self._journal_path):
            replace_text(self._journal_path, journal.to_text(), durable=self._durable)

    def reset(self) -> None:
        """Forget everything that was fetched."""
        with disk_errors(self.path):
            self._journal_path.unlink(missing_ok=True)
            os.ftruncate(self._file, 0)

    def discard_if_useless(self) -> None:
        """Remove a part that no later run could go on with."""
        if self.is_open and not self._journal_path.exists():
            self.discard()

    def discard(self) -> None:
        """Remove part and journal."""
        self.close()
        with disk_errors(self.path):
            self._journal_path.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)


def _open_past_cache(file: int) -> int:
    """The same open file once more, for writes past the cache; `_CANNOT` where there is no such."""
    flags = os.O_WRONLY | getattr(os, "O_DIRECT", 0) | getattr(os, "O_CLOEXEC", 0)
    if not hasattr(os, "O_DIRECT"):
        return _CANNOT
    try:
        return os.open(f"/proc/self/fd/{file}", flags)
    except OSError:  # no such file system here, or it wants all writes in its cache
        return _CANNOT


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)
    except PermissionError:
        if not path.exists():
            raise
        # A run was killed between making it read-only for the store and moving it there.
        path.chmod(0o644)
        return os.open(path, flags, 0o644)


def write_all(file: int, offset: int, data: memoryview) -> None:
    """Write every byte; the system may take fewer at a time."""
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written


def read_journal(path: Path) -> Journal | None:
    """The journal at `path`; None if there is none that can be trusted."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST_JOURNAL_BYTES:
            return None
        return Journal.from_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def replace_text(path: Path, text: str, *, durable: bool) -> None:
    """Write a small file whole or not at all."""
    fresh = path.with_name(path.name + ".tmp")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Some systems and file systems cannot sync a folder; the journal is then only as lasting
    # as they make it, and a lost journal costs time, never bytes.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def disk_errors(path: Path, *, needed_bytes: int = 0) -> Iterator[None]:
    """Say in our words what the disk said in its numbers."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path, needed_bytes) from error


def _translated(error: OSError, path: Path, needed_bytes: int) -> StoreError:
    if error.errno in _NO_SPACE:
        try:
            free = shutil.disk_usage(path.parent).free
            if error.errno == errno.ENOSPC and free > needed_bytes and _no_inodes(path.parent):
                return StoreUnwritable(str(path), "the disk has no room for one more file (inodes)")
        except OSError:
            free = 0
        return NotEnoughSpace(str(path.parent), max(needed_bytes, free + 1), free)
    if error.errno == errno.EFBIG:
        return StoreUnwritable(str(path), "this file system cannot hold a file of this length")
    if error.errno == errno.ELOOP:
        return StoreUnwritable(str(path), "it is a symbolic link, which we do not follow here")
    return StoreUnwritable(str(path), error.strerror or str(error))


def _no_inodes(folder: Path) -> bool:
    # Some file systems have no fixed number of them, and say that it is 0.
    if not hasattr(os, "statvfs"):
        return False
    status = os.statvfs(folder)
    return status.f_files > 0 and status.f_favail == 0
