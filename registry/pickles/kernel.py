"""The few calls to the Linux kernel that Python does not make itself, by ctypes."""

import ctypes
import errno
import os
import platform
import sys

SET_PARENT_DEATH_SIGNAL = 1
SET_DUMPABLE = 4
SET_SECCOMP = 22
DROP_FROM_BOUNDING_SET = 24
SET_NO_NEW_PRIVILEGES = 38

NEW_USER_NAMESPACE = 0x10000000
NEW_NETWORK_NAMESPACE = 0x40000000

# The same on every machine that is younger than these calls.
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
_CAPSET = {"x86_64": 126, "aarch64": 91}


class Missing(OSError):
    """The kernel, or whoever configured it, does not give this."""


def machine() -> str:
    """Name of the processor's kind, as the kernel spells it."""
    return platform.machine()


def call(number: int, *arguments: object) -> int:
    """Make a system call.

    Raises:
        Missing: It failed; the text says why in the kernel's words.
    """
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    return _checked(int(libc.syscall(ctypes.c_long(number), *arguments)))


def control(option: int, *arguments: int) -> None:
    """Change something about this process (prctl).

    Raises:
        Missing: It was refused.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _checked(_libc().prctl(option, *(ctypes.c_ulong(each) for each in padded)))


def leave_namespaces(flags: int) -> None:
    """Go on in new namespaces (unshare); only before the first thread.

    Raises:
        Missing: It was refused.
    """
    _checked(_libc().unshare(flags))


def drop_capabilities(keep: frozenset[int]) -> None:
    """Give up every capability but these, for ever.

    Raises:
        Missing: It was refused, or nobody has told us the call's number here.
    """
    number = _CAPSET.get(machine())
    if number is None:
        raise Missing(errno.ENOSYS, f"not known on {machine()}")
    mask = sum(1 << each for each in keep)
    version = 0x20080522  # two times 32 bits
    header = (ctypes.c_uint32 * 2)(version, 0)
    words = [mask & 0xFFFFFFFF, mask & 0xFFFFFFFF, 0, mask >> 32, mask >> 32, 0]
    call(number, header, (ctypes.c_uint32 * 6)(*words))


def _libc() -> ctypes.CDLL:
    if not sys.platform.startswith("linux"):
        raise Missing(errno.ENOSYS, "only Linux has it")
    return ctypes.CDLL(None, use_errno=True)


def _checked(outcome: int) -> int:
    if outcome < 0:
        code = ctypes.get_errno()
        raise Missing(code, os.strerror(code))
    return outcome
