"""Landlock: of the whole file system only what was named.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from registry.pickles.kernel import (
    LANDLOCK_ADD,
    LANDLOCK_CREATE,
    LANDLOCK_RESTRICT,
    SET_NO_NEW_PRIVILEGES,
    call,
    control,
)

_ASK_VERSION = 1
_UNDER_A_PATH = 1
_WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
_EXECUTE = 1 << 0
_ALL_OF_VERSION_1 = (1 << 13) - 1
_REFER, _TRUNCATE, _DEVICE = 1 << 13, 1 << 14, 1 << 15
_NO_TCP = 3
_NO_SIGNALS_NOR_SOCKETS = 3


def confine(reads: Iterable[str], writes: Iterable[str]) -> int:
    """Take away every file from this thread and its children, but what these paths hold.

    Args:
        reads: Files and folders to read.
        writes: Files and folders to read and write; in a folder files may come and go.

    Returns:
        The version of Landlock that the kernel has.

    Raises:
        Missing: The kernel has none, or refused.
        OSError: A path is not there.
    """
    version = call(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    handled = _handled(version)
    ruleset = call(LANDLOCK_CREATE, *_ruleset(version, handled), ctypes.c_uint32(0))
    try:
        for path in reads:
            _allow(ruleset, path, _READ_FILE | _READ_FOLDER)
        for path in writes:
            _allow(ruleset, path, handled & ~_EXECUTE)
        control(SET_NO_NEW_PRIVILEGES, 1)
        call(LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version


def _handled(version: int) -> int:
    """The rights that this version can take away."""
    rights = _ALL_OF_VERSION_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _DEVICE)):
        if version >= since:
            rights |= right
    return rights


def _ruleset(version: int, handled: int) -> tuple[ctypes.Array[ctypes.c_char], ctypes.c_size_t]:
    fields = [handled]
    if version >= 4:  # noqa: PLR2004 -- the first that knows networks
        fields.append(_NO_TCP)
    if version >= 6:  # noqa: PLR2004 -- the first that knows scopes
        fields.append(_NO_SIGNALS_NOR_SOCKETS)
    content = struct.pack(f"={len(fields)}Q", *fields)
    return ctypes.create_string_buffer(content, len(content)), ctypes.c_size_t(len(content))


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE | _DEVICE
        rule = struct.pack("=Qi", rights, place)
        call(
            LANDLOCK_ADD,
            ctypes.c_int(ruleset),
            ctypes.c_int(_UNDER_A_PATH),
            ctypes.create_string_buffer(rule, len(rule)),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)
