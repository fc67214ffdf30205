"""Write a file that the user asked for, without taking another one's place."""

import os
from pathlib import Path

from registry.errors import InvalidArgument
from registry.store.disk import new_file
from registry.store.trouble import disk_errors

_MODE = 0o644


def check_new(path: Path) -> None:
    """Make sure that a file may be called so, before any work is done for it.

    Raises:
        InvalidArgument: The name is taken, or there is no such folder.
    """
    if os.path.lexists(path):
        raise _taken(path)
    if not path.parent.is_dir():
        raise InvalidArgument(str(path.parent), "is no folder", "Make it first.")


def write_new(path: Path, content: bytes) -> None:
    """Create `path` with `content`: all of it, or no file.

    Raises:
        InvalidArgument: The name is taken, or there is no such folder.
        StoreError: The disk is full, or the folder cannot be written.
    """
    check_new(path)
    with disk_errors(path, needed_bytes=len(content)), new_file(path.parent, mode=_MODE) as new:
        new.file.write(content)
        try:
            new.publish(path, durable=False)
        except FileExistsError as error:
            raise _taken(path) from error


def _taken(path: Path) -> InvalidArgument:
    return InvalidArgument(
        str(path), "exists already; it was left as it is", "Choose another name."
    )
