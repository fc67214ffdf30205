"""What the operating system says, in the words of sdreg."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import NotEnoughSpace, StoreUnwritable
from registry.store.space import free_bytes, is_out_of_inodes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def disk_errors(path: Path, *, needed_bytes: int = 0) -> Iterator[None]:
    """Translate the errors of working on `path`.

    Args:
        path: What is worked on.
        needed_bytes: What the work writes at most, for a message about a full disk.

    Raises:
        NotEnoughSpace: The disk or a quota is full.
        StoreUnwritable: Anything else.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            free = free_bytes(path)
            if error.errno == errno.ENOSPC and free > needed_bytes and is_out_of_inodes(path):
                because = "the disk has no room for one more file (inodes)"
                raise StoreUnwritable(str(path), because) from error
            raise NotEnoughSpace(str(path), needed_bytes, free) from error
        raise StoreUnwritable(str(path), in_words(error)) from error


def is_full(error: OSError) -> bool:
    """Whether a disk or a quota is full."""
    return error.errno in _FULL


def in_words(error: OSError) -> str:
    """Why the system refused, without its error number."""
    if error.errno == errno.EFBIG:
        return "this file system cannot hold a file of this length"
    return error.strerror or str(error)
