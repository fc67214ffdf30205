"""Files that appear whole under their name or not at all, and never in another one's place.

These are the only steps by which the store changes a disk. They raise plain `OSError`; the doors
of the room translate it.
"""

import contextlib
import ctypes
import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

# What a system call answers that the kernel or the file system does not have.
NOT_SUPPORTED = frozenset(
    {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM, errno.ENOTTY}
)
TEMPORARY = ".sdreg-*.part"
"""What files are called that have bytes and no name yet, where they cannot do without."""

_HAS_OPEN_FILES = sys.platform == "linux" and Path("/proc/self/fd").is_dir()
"""Whether every open file and folder has a path of its own."""

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1  # Linux, renameat2(2)
_RENAME_EXCL = 4  # macOS, renamex_np(2)

Move = Callable[[Path, Path], None]
"""Give the file at the first path the name of the second."""


class NewFile:
    """A file that has bytes but no name yet.

    Attributes:
        file: Where to write the bytes.
    """

    def __init__(self, file: BinaryIO, temporary: Path | None) -> None:
        self.file = file
        self._temporary = temporary

    @property
    def place(self) -> int | Path:
        """How another process opens it: its temporary name on Windows, else its descriptor."""
        if os.name == "nt" and self._temporary is not None:
            return self._temporary
        return self.file.fileno()

    def publish(self, path: Path, *, durable: bool, move: Move | None = None) -> None:
        """Let the file appear under `path`, on the same file system as its folder.

        Args:
            path: Its name.
            durable: Wait until bytes and name are on the disk.
            move: How the temporary name becomes the final one; `move_new` unless said otherwise.
                Only for a file that has a temporary name.

        Raises:
            FileExistsError: The name is taken.
            OSError: The disk refuses.
        """
        self.file.flush()
        if durable:
            os.fsync(self.file.fileno())
        if self._temporary is None:
            # The file descriptor must be given to get linkat(2), which follows the link in /proc.
            descriptor = self.file.fileno()
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
        else:
            self.file.close()
            (move or move_new)(self._temporary, path)
        if durable:
            sync_folder(path.parent)


@contextmanager
def new_file(folder: Path, *, mode: int, named: bool = False) -> Iterator[NewFile]:
    """Make a file in `folder` that vanishes unless it is published.

    Where the system can, it has no name at all until then, so that not even a power cut leaves
    litter.

    Args:
        folder: An existing folder on the file system where the file shall appear.
        mode: Its permissions, as far as the user's mask allows them.
        named: Give it a temporary name in any case.

    Raises:
        OSError: The disk refuses.
    """
    descriptor = None if named else _open_nameless(folder, mode)
    if descriptor is not None:
        with os.fdopen(descriptor, "w+b") as file:
            yield NewFile(file, None)
        return
    prefix, _, suffix = TEMPORARY.partition("*")
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            temporary.chmod(mode)
            yield NewFile(file, temporary)
    finally:
        with contextlib.suppress(FileNotFoundError):
            delete(temporary)


@contextmanager
def pinned(folder: Path) -> Iterator[Path]:
    """Another path of `folder` that leads to it whatever takes its place meanwhile.

    Where the system has no such paths it is the same one: look afterwards whether it still leads
    there.

    Raises:
        OSError: It is no folder, or cannot be opened.
    """
    if not _HAS_OPEN_FILES:
        yield folder
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def make_room(file: BinaryIO, size_bytes: int) -> None:
    """Give a new file its length before its bytes, so that what cannot hold them says so at once.

    Raises:
        OSError: `EFBIG` for a file system of short files, `ENOSPC` where so much is not free.
    """
    os.truncate(file.fileno(), size_bytes)
    if hasattr(os, "fstatvfs"):
        status = os.fstatvfs(file.fileno())
        if status.f_bavail * status.f_frsize < size_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open_nameless(folder: Path, mode: int) -> int | None:
    if not _HAS_OPEN_FILES:
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, mode)
    except OSError as error:
        # EISDIR is how a kernel says that it does not know O_TMPFILE.
        if error.errno in NOT_SUPPORTED | {errno.EISDIR}:
            return None
        raise


def move_new(source: Path, path: Path) -> None:
    """Move a file to a name that is free; nothing is ever replaced.

    Raises:
        FileExistsError: The name is taken.
        OSError: The disk refuses; `EXDEV` for another file system.
    """
    if os.name == "nt":
        source.rename(path)  # never replaces there
        return
    rename = _exclusive_rename()
    if rename is not None:
        ctypes.set_errno(0)
        if rename(os.fsencode(source), os.fsencode(path)) == 0:
            return
        code = ctypes.get_errno()
        if code not in NOT_SUPPORTED:
            raise OSError(code, os.strerror(code), str(source), None, str(path))
    try:
        os.link(source, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NOT_SUPPORTED | {errno.EMLINK}:
            raise
        _move_over_reservation(source, path)
        return
    source.unlink()


def _move_over_reservation(source: Path, path: Path) -> None:
    """Take the name with an empty file first: for file systems without links, such as FAT."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))
    try:
        source.replace(path)
    except OSError:
        path.unlink()
        raise


@cache
def _exclusive_rename() -> Callable[[bytes, bytes], int] | None:
    """The system's own rename that refuses to replace, if it has one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        renamex_np = getattr(libc, "renamex_np", None)
        if renamex_np is None:
            return None
        return lambda source, path: int(renamex_np(source, path, _RENAME_EXCL))
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is None:
        return None
    return lambda source, path: int(
        renameat2(_AT_FDCWD, source, _AT_FDCWD, path, _RENAME_NOREPLACE)
    )


def write_whole(path: Path, content: bytes, *, durable: bool) -> None:
    """Write a small file of ours; whoever reads it meets the old content or the new one.

    Raises:
        OSError: The disk refuses; the old content stays.
    """
    with new_file(path.parent, mode=0o644, named=True) as new:
        new.file.write(content)
        new.publish(path, durable=durable, move=os.replace)


def delete(path: Path) -> None:
    """Delete a file, also a read-only one on Windows.

    Raises:
        OSError: The disk refuses, or there is none.
    """
    try:
        path.unlink()
    except PermissionError:
        if os.name != "nt":
            raise
        path.chmod(0o644)
        path.unlink()


def make_folder(folder: Path, *, durable: bool) -> None:
    """Make a folder and those above it that are missing.

    Raises:
        OSError: The disk refuses, or something that is no folder lies on the way.
    """
    if folder.is_dir():
        return
    missing = []
    for above in (folder, *folder.parents):
        if above.exists():
            break
        missing.append(above)
    folder.mkdir(parents=True, exist_ok=True)
    if durable:
        for made in reversed(missing):
            sync_folder(made.parent)


def sync_file(path: Path) -> None:
    """Wait until the bytes of a file are on the disk.

    Raises:
        OSError: They are not, and asking again would lie: after `EIO` the kernel forgets them.
    """
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk.

    Raises:
        OSError: They are not.
    """
    if os.name == "nt":
        return  # folders cannot be opened there; NTFS keeps a journal of names
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_SUPPORTED:  # some network file systems sync no folders
            raise
    finally:
        os.close(descriptor)
