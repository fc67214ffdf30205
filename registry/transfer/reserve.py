"""Room for a whole file before its first byte arrives, where the file system can promise it.

Not by `os.posix_fallocate`: where the file system cannot, the C library writes a byte into every
block instead, which takes as long as the download.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_CANNOT = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV})


def reserve(file: int, size_bytes: int) -> None:
    """Give an open file its length, and the blocks for it if that is possible.

    Raises:
        OSError: It does not fit, or the file system holds no file of this length.
    """
    fallocate = _fallocate()
    if fallocate is not None:
        code = fallocate(file, size_bytes)
        if code == 0:
            return
        if code not in _CANNOT:
            raise OSError(code, os.strerror(code))
    if os.fstat(file).st_size < size_bytes:
        os.ftruncate(file, size_bytes)


@cache
def _fallocate() -> Callable[[int, int], int] | None:
    """Linux's own call; gives the error's number, 0 if there is none."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    # glibc has a second one for lengths of 64 bits everywhere; musl's are always so.
    function = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)

    def call(file: int, size_bytes: int) -> int:
        while function(file, 0, 0, size_bytes) != 0:
            code = ctypes.get_errno()
            if code != errno.EINTR:
                return code
        return 0

    return call
