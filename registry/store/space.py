"""How much room is there, and what can a folder's file system do?"""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from registry.domain.install import LinkMethod
from registry.errors import NotEnoughSpace, StoreUnwritable
from registry.store.methods import METHODS

_USUAL_LONGEST_NAME_BYTES = 255
_PROBE = ".sdreg-probe-"
_LONGEST_PROBE_S = 60.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What was tried in a folder, and what worked.

    Attributes:
        methods: Ways to link a file of the store into it, best first; none if it takes no files.
        case_sensitive: Whether `A` and `a` are two files there; None if that could not be tried.
        longest_name_bytes: Longest file name.
    """

    methods: tuple[LinkMethod, ...]
    case_sensitive: bool | None
    longest_name_bytes: int


def free_bytes(path: Path) -> int:
    """Bytes that a user may still write where `path` is or would be.

    Raises:
        StoreUnwritable: The disk does not say.
    """
    try:
        return shutil.disk_usage(nearest(path)).free
    except OSError as error:
        raise StoreUnwritable(str(path), error.strerror or str(error)) from error


def require_space(path: Path, needed_bytes: int) -> None:
    """Make sure that so many bytes fit where `path` is or would be.

    Raises:
        NotEnoughSpace: They do not.
        StoreUnwritable: The disk does not say.
    """
    free = free_bytes(path)
    if free < needed_bytes:
        raise NotEnoughSpace(str(path), needed_bytes, free)


def is_out_of_inodes(path: Path) -> bool:
    """Whether the disk has no room for one more file, however many bytes are free."""
    if not hasattr(os, "statvfs"):
        return False
    try:
        status = os.statvfs(nearest(path))
    except OSError:
        return False
    # Some file systems have no fixed number of inodes, and say that it is 0.
    return status.f_files > 0 and status.f_favail == 0


def same_file_system(one: Path, other: Path) -> bool:
    """Whether two paths, or the folders they would lie in, are on one file system.

    Raises:
        StoreUnwritable: The disk does not say.
    """
    try:
        return nearest(one).stat().st_dev == nearest(other).stat().st_dev
    except OSError as error:
        raise StoreUnwritable(str(one), error.strerror or str(error)) from error


def nearest(path: Path) -> Path:
    """`path` if it exists, else the closest folder above it that does."""
    path = path.absolute()
    return next((above for above in (path, *path.parents) if above.exists()), Path(path.anchor))


def probe(folder: Path, *, beside: Path) -> Probe:
    """Try which links from the store work in a folder, with small files that vanish again.

    Args:
        folder: Where links would be made; the closest existing folder above it is tried.
        beside: The store's root, or the closest existing folder above it.
    """
    there, here = nearest(folder), nearest(beside)
    try:
        with (
            tempfile.TemporaryDirectory(prefix=_PROBE, dir=here) as near,
            tempfile.TemporaryDirectory(prefix=_PROBE, dir=there) as far,
        ):
            _clear(here, now_s=Path(near).stat().st_mtime)
            _clear(there, now_s=Path(far).stat().st_mtime)
            source = Path(near, "source")
            source.write_bytes(b"a few bytes to link to")
            methods = tuple(
                method for method in METHODS if _works(method, source, Path(far, method))
            )
            Path(far, "Case").touch()
            case_sensitive = not Path(far, "cASE").exists()
    except OSError:
        return Probe((), None, _longest_name_bytes(there))
    return Probe(methods, case_sensitive, _longest_name_bytes(there))


def _clear(folder: Path, *, now_s: float) -> None:
    """Remove what a probe left that was killed; whatever else lies there stays."""
    for left in folder.glob(f"{_PROBE}*"):
        if left.is_symlink() or now_s - left.stat().st_mtime < _LONGEST_PROBE_S:
            continue
        with contextlib.suppress(OSError):  # the user has put something there
            for name in (*METHODS, "source", "Case"):
                left.joinpath(name).unlink(missing_ok=True)
            left.rmdir()


def _works(method: LinkMethod, source: Path, path: Path) -> bool:
    try:
        METHODS[method](source, path, sha256=None, durable=False)
        return path.read_bytes() == source.read_bytes()
    except OSError:
        return False


def _longest_name_bytes(folder: Path) -> int:
    if not hasattr(os, "pathconf"):
        return _USUAL_LONGEST_NAME_BYTES
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return _USUAL_LONGEST_NAME_BYTES
