"""Who may read and write what is ours: look, and put right what we may.

A stored file that can be written is one slip of another program away from being spoilt, and a
token that others can read is theirs. Only files and folders of ours are looked at and changed,
never what links in a UI's folder lead to elsewhere.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from registry.errors import StoreError
from registry.operations.health import Check, Fixed, Health
from registry.store.blobs import Store

_FOLDERS = ("blobs", "blobs/sha256", "partial", "quarantine", "library", "backups", "smoke")
_CATALOG = ("catalog.sqlite3", "catalog.sqlite3-wal", "catalog.sqlite3-shm", "catalog.sqlite3.lock")
_MINE, _READ_WRITE, _OTHERS, _OTHERS_WRITE = 0o700, 0o600, 0o077, 0o002
_FIX = "`sdreg doctor --fix` puts that right"
_READ_ONLY = "its permissions are right: make its disk writable, or set SDREG_HOME"


def check_permissions(home: Path, token_file: Path, store: Store) -> Iterator[Check]:
    """Say what is too open, too closed, or somebody else's. Changes nothing.

    Raises:
        StoreError: The disk does not say.
    """
    # On Windows other rules hold, and new files inherit those of the home.
    if sys.platform == "win32" or (home.exists() and not home.is_dir()):
        return
    found = (
        *_closed(home),
        *_open_blobs(store),
        *_open_token(token_file),
        *_shared(home),
        *_foreign(home, token_file, store),
    )
    yield from found
    if not found:
        says = "everything of ours can be used by you; stored files can only be read"
        yield Check("permissions", Health.GOOD, says)


def mend_permissions(home: Path, token_file: Path, store: Store) -> Iterator[Fixed]:
    """Put right what is ours: folders and catalog usable, blobs read-only, the token private.

    What belongs to somebody else, or is shared on purpose perhaps, is left to the user.
    """
    if sys.platform == "win32":
        return
    # A folder that cannot be entered hides the next ones, so each is mended when it is reached.
    for path, least in _usable(home):
        mode = _mode(path)
        if mode is not None and mode & least != least and _is_mine(path):
            yield _chmod(path, mode | least, "can be used again")
    try:
        loose = tuple(store.unprotected())
    except StoreError as error:
        yield Fixed("permissions", str(error), done=False)
    else:
        yield from _protected(loose, store)
    mode = _mode(token_file)
    if mode is not None and mode & _OTHERS and _is_mine(token_file):
        yield _chmod(token_file, _READ_WRITE, "can be read by nobody else any more")


def _protected(loose: Iterable[str], store: Store) -> Iterator[Fixed]:
    count = 0
    for sha256 in loose:
        try:
            store.protect(sha256)
        except StoreError as error:
            yield Fixed("permissions", str(error), done=False)
        else:
            count += 1
    if count:
        yield Fixed("permissions", f"{_many(count, 'stored file')} can only be read again")


def _chmod(path: Path, mode: int, says: str) -> Fixed:
    try:
        path.chmod(mode)
    except OSError as error:
        because = error.strerror or str(error)
        return Fixed("permissions", f"{path} stays as it is: {because}", done=False)
    return Fixed("permissions", f"{path} {says}")


# ── what is not right ─────────────────────────────────────────────────────────────────────────────


def _closed(home: Path) -> Iterator[Check]:
    for path, least in _usable(home):
        mode = _mode(path)
        if mode is None:
            continue
        says = f"{path} cannot be read and written"
        allowed = os.access(path, os.R_OK | os.W_OK | (os.X_OK if least & 0o100 else 0))
        if not _is_mine(path):
            if not allowed:
                remedy = "ask its owner, or set SDREG_HOME"
                yield Check("permissions", Health.BAD, says, remedy)
        elif mode & least != least:
            yield Check("permissions", Health.BAD, says, _FIX)
        elif not allowed:
            yield Check("permissions", Health.BAD, says, _READ_ONLY)
            return  # what lies in it is on the same disk


def _open_blobs(store: Store) -> Iterator[Check]:
    loose = tuple(store.unprotected())
    if loose:
        names = ", ".join(f"{sha256[:12]}…" for sha256 in loose[:3])
        says = f"{_many(len(loose), 'stored file')} can be changed by other programs: {names}"
        yield Check("permissions", Health.NOTE, says, _FIX)


def _open_token(token_file: Path) -> Iterator[Check]:
    mode = _mode(token_file)
    if mode is not None and mode & _OTHERS:
        remedy = f"{_FIX}, or `chmod 600` on it"
        says = f"{token_file} can be read by others, so its tokens are not used"
        yield Check("permissions", Health.BAD, says, remedy)


def _shared(home: Path) -> Iterator[Check]:
    paths = [path for path, _ in _usable(home)]
    opened = [path for path in paths if (_mode(path) or 0) & _OTHERS_WRITE]
    if opened:
        remedy = f"`chmod o-w` on {'it' if len(opened) == 1 else 'them'}, unless you mean it"
        says = f"everybody on this machine can write {_few(opened)}"
        yield Check("permissions", Health.NOTE, says, remedy)


def _foreign(home: Path, token_file: Path, store: Store) -> Iterator[Check]:
    paths = [path for path, _ in _usable(home)]
    blobs = (store.path_of(sha256) for sha256 in store.list())
    theirs = [path for path in (*paths, token_file, *blobs) if not _is_mine(path)]
    if theirs:
        remedy = f"use sdreg as one user only, or give {home} to yourself with `chown -R`"
        says = f"not yours: {_few(theirs)}"
        yield Check("owner", Health.NOTE, says, remedy)


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────


def _usable(home: Path) -> Iterator[tuple[Path, int]]:
    """Folders and files that we read and write, outer ones first, with what that takes at least."""
    yield home, _MINE
    for name in _FOLDERS:
        folder = home / name
        yield folder, _MINE
        if name == "blobs/sha256":
            yield from ((shelf, _MINE) for shelf in _shelves(folder))
    for name in _CATALOG:
        yield home / name, _READ_WRITE


def _shelves(folder: Path) -> list[Path]:
    try:
        return sorted(shelf for shelf in folder.iterdir() if shelf.is_dir())
    except OSError:  # not there, or closed: then it is told itself
        return []


def _mode(path: Path) -> int | None:
    """Its permissions; None if it is not there, or hidden by a folder that is told itself."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _is_mine(path: Path) -> bool:
    """Whether it belongs to the user who asks, or is not there."""
    try:
        return sys.platform == "win32" or path.stat().st_uid == os.geteuid()
    except OSError:
        return True


def _few(paths: list[Path]) -> str:
    shown = ", ".join(map(str, paths[:3]))
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"  # noqa: PLR2004 -- a few


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
