"""The ways in which a name can lead to stored bytes, one function each.

Each makes `path` or raises `OSError` and leaves nothing behind; none replaces what lies there.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from registry.domain.install import LinkMethod
from registry.store.content import copy_proven
from registry.store.disk import make_room, new_file

if sys.platform != "win32":
    import fcntl

_FICLONE = 0x40049409  # Linux, ioctl_ficlone(2)
# A copy is the user's to change: a UI may write metadata into it without touching the store.
_OWN_FILE_MODE = 0o644


class NotTheSameBytes(Exception):
    """A copy came out with another hash than the blob's name promises."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


def reflink(source: Path, path: Path, *, sha256: str | None, durable: bool) -> None:  # noqa: ARG001 -- all methods are called alike
    """Share the bytes until one side changes: btrfs, XFS, APFS, ZFS.

    Raises:
        OSError: The file system cannot, or the two lie on different ones.
    """
    if sys.platform == "linux":
        with (
            source.open("rb") as stored,
            new_file(path.parent, mode=_OWN_FILE_MODE) as new,
        ):
            fcntl.ioctl(new.file.fileno(), _FICLONE, stored.fileno())
            _sign(new.file, stored)
            new.publish(path, durable=durable)
    elif sys.platform == "darwin":
        clonefile = ctypes.CDLL(None, use_errno=True).clonefile
        if clonefile(os.fsencode(source), os.fsencode(path), 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
        path.chmod(_OWN_FILE_MODE)  # the time came along with the bytes
    else:
        raise OSError(errno.EOPNOTSUPP, "no reflinks on this system", str(path))


def hardlink(source: Path, path: Path, *, sha256: str | None, durable: bool) -> None:  # noqa: ARG001 -- as above
    """Give the very same file a second name.

    Raises:
        OSError: Another file system, or one without hard links.
    """
    os.link(source, path, follow_symlinks=False)


def symlink(source: Path, path: Path, *, sha256: str | None, durable: bool) -> None:  # noqa: ARG001 -- as above
    """Point to the stored file by its absolute path.

    Raises:
        OSError: The file system or the user's rights do not allow it (Windows).
    """
    path.symlink_to(source.absolute())


def copy(source: Path, path: Path, *, sha256: str | None, durable: bool) -> None:
    """Copy the bytes, proven on the way where `sha256` says what they must be.

    Raises:
        NotTheSameBytes: They are not what they must be; nothing appeared.
        OSError: The disk refuses.
    """
    with (
        source.open("rb", buffering=0) as stored,
        new_file(path.parent, mode=_OWN_FILE_MODE) as new,
    ):
        make_room(new.file, os.fstat(stored.fileno()).st_size)
        got = copy_proven(stored, new.file)
        if sha256 is not None and got != sha256:
            raise NotTheSameBytes(got)
        _sign(new.file, stored)
        new.publish(path, durable=durable)


def made_by_us(path: Path, source: Path) -> bool:
    """Whether a file with the same bytes as `source` is a copy that we made.

    A copy of ours has the very time of the stored file, to the nanosecond. So a run that was killed
    before its record was written knows its own work again.

    Raises:
        OSError: One of them is not there.
    """
    return path.stat().st_mtime_ns == source.stat().st_mtime_ns


def _sign(ours: BinaryIO, stored: BinaryIO) -> None:
    if os.utime not in os.supports_fd:
        return
    ours.flush()
    status = os.fstat(stored.fileno())
    os.utime(ours.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))


METHODS: Mapping[LinkMethod, Callable[..., None]] = MappingProxyType(
    {
        LinkMethod.REFLINK: reflink,
        LinkMethod.HARDLINK: hardlink,
        LinkMethod.SYMLINK: symlink,
        LinkMethod.COPY: copy,
    }
)
