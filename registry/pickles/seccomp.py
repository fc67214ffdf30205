"""seccomp: system calls that reading and writing numbers never needs are refused by the kernel.

A list of what is denied, not of what is allowed: Python and numpy may come to need another call
with any release, and the list is the second wall, not the first. Numbers are those of
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import errno
import struct

from registry.pickles.kernel import (
    SET_NO_NEW_PRIVILEGES,
    SET_SECCOMP,
    Missing,
    control,
    machine,
)

_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PLACE = {"x86_64": 0, "aarch64": 1}
# name: (x86-64, aarch64); None where the machine has no such call.
DENIED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "connect": (42, 203),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "personality": (135, 92),
}
_CLONE = (56, 220)
_CLONE_3 = (435, 435)
_THREAD = 0x10000  # CLONE_THREAD: a thread of this process, not another process

# Instructions of the classic Berkeley packet filter, and offsets in struct seccomp_data.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_X32 = 0x40000000


def deny() -> int:
    """Refuse the calls of the list from now on; how many they are.

    Raises:
        Missing: The kernel has no seccomp, or the numbers of this machine are not known.
    """
    program = _program(machine())
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = _Header(len(program), ctypes.addressof(instructions))
    control(SET_NO_NEW_PRIVILEGES, 1)
    control(SET_SECCOMP, 2, ctypes.addressof(header))
    return len(DENIED) + 1


class _Header(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def _program(kind: str) -> list[tuple[int, int, int, int]]:
    if kind not in _PLACE:
        raise Missing(errno.ENOSYS, f"the numbers of {kind} are not known")
    place = _PLACE[kind]
    numbers = sorted({pair[place] for pair in DENIED.values()} - {None}, key=str)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, _AUDIT_ARCHITECTURE[kind]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if kind == "x86_64":
        program += [(_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for number in numbers:
        assert number is not None
        program += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _failing(errno.EPERM))]
    # glibc makes threads by clone where clone3 is unknown, and clone's flags can be read here.
    program += [(_IF_EQUAL, 0, 1, _CLONE_3[place]), (_RETURN, 0, 0, _failing(errno.ENOSYS))]
    program += [
        (_IF_EQUAL, 0, 3, _CLONE[place]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IF_BITS, 1, 0, _THREAD),
        (_RETURN, 0, 0, _failing(errno.EPERM)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return program


def _failing(code: int) -> int:
    return 0x00050000 | code
