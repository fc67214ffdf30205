"""Names in the folders of UIs that lead to stored bytes: make them, check them, undo them.

A file that is not ours is never touched. Ours is what an inode or the content proves to be: the
blob under a second name, a symbolic link to it, or the very same bytes.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from registry.domain.audit import FindingKind
from registry.domain.install import Blob, Link, LinkMethod
from registry.errors import BlobDamaged, BlobMissing, LinkRefused, NotEnoughSpace, PlaceTaken
from registry.store.content import differing_share, same_bytes, sha256_of
from registry.store.disk import delete, make_folder, pinned, sync_folder
from registry.store.methods import METHODS, NotTheSameBytes, made_by_us
from registry.store.paths import folded, with_hash
from registry.store.space import free_bytes
from registry.store.trouble import disk_errors, in_words, is_full

BEST_FIRST = (LinkMethod.REFLINK, LinkMethod.HARDLINK, LinkMethod.SYMLINK, LinkMethod.COPY)

_MOST_ROTTEN, _MOST_WRITTEN = 0.5, 0.07
# What a drive says that is not there any more, while its mount point still is.
_GONE = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.ETIMEDOUT}
)


def link(
    blob: Blob,
    path: Path,
    *,
    layout: str,
    methods: Sequence[LinkMethod] = BEST_FIRST,
    durable: bool = True,
) -> Link:
    """Let `path` lead to the blob, by the first method that the file systems allow.

    What leads there already stays as it is.

    Args:
        blob: The stored file.
        path: A safe name in a folder of a UI; folders above it are made.
        layout: Name of the UI.
        methods: What to try, in order.
        durable: Wait for the disk.

    Raises:
        PlaceTaken: Something else has this name, or one that some file system takes for the same.
        BlobMissing: There is nothing to link to.
        BlobDamaged: A copy came out different; nothing appeared.
        NotEnoughSpace: Only a copy is possible, and it does not fit.
        LinkRefused: No method works.
    """
    if not blob.path.is_file():
        raise BlobMissing(blob.sha256, str(blob.path))
    have = _already(blob, path, layout)
    if have is not None:
        return have
    try:
        make_folder(path.parent, durable=durable)
        with pinned(path.parent) as folder:
            twin = _twin(folder / path.name)
            if twin is not None:
                raise PlaceTaken(str(path.with_name(twin)))
            method = _make(blob, path, folder, methods, durable=durable)
            if method is not None and not folder.samefile(path.parent):
                delete(folder / path.name)
                raise LinkRefused(str(path), "another folder took the place of its own meanwhile")
    except OSError as error:
        raise LinkRefused(str(path), in_words(error)) from error
    if method is None:  # another process was faster
        have = _already(blob, path, layout)
        if have is None:
            raise PlaceTaken(str(path))
        return have
    return Link(layout, path, blob.sha256, method)


def free_name(path: Path, sha256: str) -> Path:
    """The name that a second model of one file name gets: a short hash before the suffix.

    Example:
        >>> free_name(Path("/ui/ink.safetensors"), "ab" * 32).name
        'ink-abababab.safetensors'
    """
    return path.with_name(with_hash(path.name, sha256))


def is_the_users(path: Path, blob: Blob, *, known: Callable[[Path], object]) -> bool:
    """Whether the user has put the same bytes there by other means.

    Args:
        path: Where we would link.
        blob: What we would link to.
        known: Tells what our records say about a path; something false if they do not know it.
    """
    try:
        if not os.path.lexists(path) or _method(path, blob.path) is not None or known(path):
            return False
        equal = path.is_file() and same_bytes(path, blob.path)
        return equal and not made_by_us(path, blob.path)
    except OSError:
        return False


def is_a_copy_of_ours(path: Path, blob: Blob) -> bool:
    """Whether a file with bytes of its own was made from the blob by us, as far as it tells."""
    try:
        return (
            path.is_file()
            and not path.is_symlink()
            and _method(path, blob.path) is None
            and same_bytes(path, blob.path)
            and made_by_us(path, blob.path)
        )
    except OSError:
        return False


def is_damaged_copy(link: Link, blob: Blob) -> bool:
    """Whether a file with bytes of its own is what we once copied there, with some bytes rotten.

    Another model of the same shape has the same length, but shares no more than its header; the
    same one with another VAE shares nine tenths. A disk that fails leaves the time of a file as it
    was: what was written to since must be nearly the same to count as ours.
    """
    if not link.method.has_own_bytes or link.path.is_symlink() or not link.path.is_file():
        return False
    try:
        most = _MOST_ROTTEN if made_by_us(link.path, blob.path) else _MOST_WRITTEN
        return 0 < differing_share(link.path, blob.path) < most
    except OSError:
        return False


def check(link: Link, blob_path: Path, *, size_bytes: int | None = None) -> FindingKind:
    """Say whether a link still leads to its blob.

    Reads no bytes of a link that is the blob's own inode or points to it. One with bytes of its own
    is held against the blob's length; the bytes are the auditor's business.

    Args:
        link: What we made once.
        blob_path: Where the blob lies.
        size_bytes: The length that it must have; None if it is to be believed.
    """
    try:
        status = link.path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return FindingKind.MISSING if _folder_is_there(link.path) else FindingKind.UNAVAILABLE
    except OSError as error:
        gone = error.errno in _GONE
        return FindingKind.UNAVAILABLE if gone else FindingKind.UNREADABLE
    try:
        if stat.S_ISLNK(status.st_mode):
            return _check_symlink(link, blob_path)
        if not stat.S_ISREG(status.st_mode):
            return FindingKind.FOREIGN_FILE
        if _method(link.path, blob_path) is LinkMethod.HARDLINK:
            return FindingKind.OK
        if link.method.has_own_bytes and blob_path.is_file():
            wanted = size_bytes if size_bytes is not None else blob_path.stat().st_size
            same = status.st_size == wanted
        else:
            same = _has_its_bytes(link, blob_path, size_bytes)
    except OSError:
        return FindingKind.UNREADABLE
    return FindingKind.OK if same else FindingKind.FOREIGN_FILE


def remake(
    link: Link,
    blob: Blob,
    is_quarantined: Callable[[Path], bool],
    *,
    set_aside: Callable[[Path, str], Path] | None = None,
) -> bool:
    """Lead a link to the good bytes again after a repair; says whether that was done.

    Replaced are: nothing at all, a name of the damaged blob, a symbolic link of ours that leads
    nowhere and, where `set_aside` is given, a damaged copy of ours. Whatever else lies there stays.

    Args:
        link: What we made once.
        blob: The blob, which is whole.
        is_quarantined: Whether a path is one more name of a file in quarantine.
        set_aside: Moves a file to quarantine, with a reason.

    Raises:
        StoreError: As `link` does.
    """
    path = link.path
    kind = check(link, blob.path)
    if kind is FindingKind.UNAVAILABLE:
        return False
    if kind is not FindingKind.MISSING:
        if is_quarantined(path) or (kind is FindingKind.BROKEN_LINK and path.is_symlink()):
            with disk_errors(path):
                delete(path)
        elif set_aside is not None and is_damaged_copy(link, blob):
            set_aside(path, f"a damaged copy of {blob.sha256}")
        else:
            return False
    _again(link, blob)
    return True


def unlink(link: Link, blob_path: Path) -> bool:
    """Take a link away if it is still ours; says whether it is gone by our hand.

    Raises:
        StoreUnwritable: It is ours, but the disk refuses.
    """
    with disk_errors(link.path):
        try:
            status = link.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(status.st_mode):
            ours = _points_to(link.path, blob_path) or _pointed_to_store(link)
        elif stat.S_ISREG(status.st_mode):
            ours = _method(link.path, blob_path) is not None or _has_its_bytes(link, blob_path)
        else:
            ours = False
        if ours:
            delete(link.path)
        return ours


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────


def _already(blob: Blob, path: Path, layout: str) -> Link | None:
    """The link that is there; None if the name is free.

    Raises:
        PlaceTaken: The name is not free, and not ours.
        LinkRefused: The disk does not say.
    """
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LinkRefused(str(path), in_words(error)) from error
    with contextlib.suppress(OSError):
        method = _method(path, blob.path)
        if method is None and stat.S_ISREG(status.st_mode) and same_bytes(path, blob.path):
            method = LinkMethod.COPY
        if method is not None:
            return Link(layout, path, blob.sha256, method)
    raise PlaceTaken(str(path))


def _make(
    blob: Blob, path: Path, folder: Path, methods: Sequence[LinkMethod], *, durable: bool
) -> LinkMethod | None:
    """Try one method after the other in `folder`; None if the name was taken meanwhile."""
    refusal: OSError | None = None
    source, here = blob.path.absolute(), folder / path.name
    for method in methods:
        try:
            METHODS[method](source, here, sha256=blob.sha256, durable=durable)
        except FileExistsError:
            return None
        except NotTheSameBytes as error:
            because = f"a copy of it has the SHA-256 {error.sha256}"
            raise BlobDamaged(blob.sha256, str(blob.path), because) from error
        except OSError as error:
            refusal = error
        else:
            if durable:
                with disk_errors(path):
                    sync_folder(folder)
            return method
    if refusal is not None and is_full(refusal):
        raise NotEnoughSpace(str(path), blob.size_bytes, free_bytes(path)) from refusal
    because = in_words(refusal) if refusal else "no method was allowed"
    raise LinkRefused(str(path), because) from refusal


def _again(old: Link, blob: Blob) -> None:
    """Make a link by its old method, or by whatever works now."""
    others = tuple(method for method in BEST_FIRST if method is not old.method)
    link(blob, old.path, layout=old.layout, methods=(old.method, *others))


def _twin(path: Path) -> str | None:
    """Another name in the folder that some file system would take for this one."""
    ours, name_folded = path.name, folded(path.name)
    for name in os.listdir(path.parent):  # noqa: PTH208 -- names alone, of folders with thousands
        if folded(name) == name_folded and name != ours:
            return name
    return None


# ── proofs ────────────────────────────────────────────────────────────────────────────────────────


def _method(path: Path, blob_path: Path) -> LinkMethod | None:
    """How `path` leads to the blob itself; None if it does not."""
    if path.is_symlink():
        return LinkMethod.SYMLINK if _points_to(path, blob_path) else None
    try:
        same = os.path.samestat(path.lstat(), blob_path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return LinkMethod.HARDLINK if same else None


def _check_symlink(link: Link, blob_path: Path) -> FindingKind:
    if _points_to(link.path, blob_path):
        return FindingKind.OK if blob_path.is_file() else FindingKind.BROKEN_LINK
    return FindingKind.BROKEN_LINK if _pointed_to_store(link) else FindingKind.FOREIGN_FILE


def _points_to(path: Path, blob_path: Path) -> bool:
    target = path.parent / path.readlink()
    if os.path.normpath(target) == os.path.normpath(blob_path.absolute()):
        return True
    return target.exists() and blob_path.exists() and target.samefile(blob_path)


def _pointed_to_store(link: Link) -> bool:
    """Whether it points to where our store was before it moved."""
    target = link.path.readlink()
    return target.name == link.sha256 and not (link.path.parent / target).exists()


def _has_its_bytes(link: Link, blob_path: Path, size_bytes: int | None = None) -> bool:
    is_there = blob_path.is_file()
    if size_bytes is None and is_there:
        size_bytes = blob_path.stat().st_size
    if size_bytes is not None and link.path.stat().st_size != size_bytes:
        return False
    if is_there and same_bytes(link.path, blob_path):
        return True
    # The blob is gone or damaged itself: then the hash is the judge.
    return sha256_of(link.path) == link.sha256


def _folder_is_there(path: Path) -> bool:
    # A folder that somebody deleted leaves the one above it; a drive takes the whole tree along.
    return path.parent.exists() or path.parent.parent.exists()
