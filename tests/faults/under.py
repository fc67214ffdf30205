"""Run a command under a spell: system calls that fail, limits, fewer rights. Linux only.

    python under.py fsync=EIO fallocate=EOPNOTSUPP nofile=40 drop=1 -- sdreg list

`call=ERRNO` makes every such system call of the command and its threads fail; `call=0` makes it
claim success without doing anything. `nofile` and `fsize` are limits, `drop` takes a capability.
The spell is a seccomp filter: nothing of ours is patched.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys

_CALLS = {
    "x86_64": {
        "flock": 73,
        "fsync": 74,
        "fdatasync": 75,
        "linkat": 265,
        "fallocate": 285,
        "preadv2": 327,
    },
    "aarch64": {
        "flock": 32,
        "linkat": 37,
        "fallocate": 47,
        "preadv2": 286,
        "fsync": 82,
        "fdatasync": 83,
    },
}
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "fsize": resource.RLIMIT_FSIZE}
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_FAIL, _ALLOW = 0x00050000, 0x7FFF0000
_NO_NEW_PRIVILEGES, _SECCOMP, _DROP_CAPABILITY = 38, 22, 24
_FILTER_MODE = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def is_known():
    """Whether this machine's system calls are in the table."""
    return sys.platform == "linux" and platform.machine() in _CALLS


def let_calls_fail(errors):
    """Install the filter: `errors` are numbers of calls and of the errors that they answer."""
    code = [struct.pack("HBBI", _LOAD, 0, 0, 0)]
    for call, error in errors.items():
        code += [
            struct.pack("HBBI", _JUMP_IF_EQUAL, 0, 1, call),
            struct.pack("HBBI", _RETURN, 0, 0, _FAIL | error),
        ]
    code.append(struct.pack("HBBI", _RETURN, 0, 0, _ALLOW))
    program = _Program(len(code), b"".join(code))
    _prctl(_NO_NEW_PRIVILEGES, 1, 0)
    _prctl(_SECCOMP, _FILTER_MODE, ctypes.byref(program))


def _prctl(what, first, second):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(what, first, second, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {what}")


def main(spells, command):
    calls = _CALLS.get(platform.machine(), {})
    errors = {}
    for spell in spells:
        name, _, value = spell.partition("=")
        if name in _LIMITS:
            resource.setrlimit(_LIMITS[name], (int(value), int(value)))
        elif name == "drop":
            _prctl(_DROP_CAPABILITY, int(value), 0)
        else:
            errors[calls[name]] = getattr(errno, value) if value != "0" else 0
    if errors:
        let_calls_fail(errors)
    os.execvp(command[0], command)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(sys.argv[1:split], sys.argv[split + 1 :])
