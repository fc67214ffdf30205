"""What a hostile task would try, run inside the sandbox; each says what came of it.

This file is copied beside a copy of the package, so that a user who cannot read the checkout can
run it too. Everything is imported at the top: nothing can be later.
"""

import ctypes
import os
import socket
import sys
import threading
import time
from pathlib import Path

from registry.errors import MalformedHeader


def _tried(act):
    try:
        found = act()
    except OSError as error:
        return f"denied: {error.errno}"
    return f"allowed: {found!r}"


def _program():
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def attempt(facts, _say):
    """Try every door."""
    inside, outside, folder = facts["input"], facts["outside"], facts["folder"]
    return {
        "socket": _tried(lambda: socket.socket().fileno()),
        "unix socket": _tried(lambda: socket.socket(socket.AF_UNIX).fileno()),
        "pair of sockets": _tried(lambda: [s.fileno() for s in socket.socketpair()]),
        "exec": _tried(lambda: os.execv(sys.executable, [sys.executable, "-c", ""])),
        "fork": _tried(_program),
        "signal": _tried(lambda: os.kill(os.getppid(), 0)),
        "read its input": _tried(lambda: Path(inside).read_text()),
        "write its input": _tried(lambda: Path(inside).write_text("changed")),
        "read outside": _tried(lambda: Path(outside).read_text()),
        "list outside": _tried(lambda: list(Path(outside).parent.iterdir())),
        "write outside": _tried(lambda: Path(outside).write_text("changed")),
        "new file outside": _tried(lambda: Path(outside + ".new").write_text("new")),
        "delete outside": _tried(lambda: Path(outside).unlink()),
        "write its output": _tried(lambda: Path(folder, "out").write_text("result")),
        "link from outside": _tried(lambda: os.link(outside, Path(folder, "stolen"))),
        "namespaces": _tried(_new_namespace),
        "environment": sorted(os.environ),  # noqa: TID251 -- what it was given is the question
        "descriptors": _descriptors(),
    }


def _new_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")
    return "left"


def _descriptors():
    return [number for number in range(64) if _is_open(number)]


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def threads(_facts, _say):
    """Threads of the process itself are allowed."""
    found = []
    thread = threading.Thread(target=lambda: found.append(1))
    thread.start()
    thread.join()
    return found


def inherit(facts, _say):
    """Use descriptors instead of paths."""
    os.write(facts["output"], os.read(facts["input"], 100).upper())
    return os.fstat(facts["output"]).st_size


def talk(_facts, say):
    say({"done": 1})
    say({"done": 2})
    return "over"


def take_memory(facts, _say):
    return len(bytearray(facts["bytes"]))


def take_time(_facts, _say):
    while True:
        time.sleep(60)


def write_much(facts, _say):
    with Path(facts["folder"], "much").open("wb") as file:
        file.writelines(bytes(1 << 20) for _ in range(facts["pieces"]))


def crash(_facts, _say):
    ctypes.string_at(0)


def fall_silent(_facts, _say):
    os._exit(3)


def fail(_facts, _say):
    return {}["nothing"]


def refuse(_facts, _say):
    raise MalformedHeader("model.ckpt", "its header is empty", 8)


def import_late(_facts, _say):
    import wave  # noqa: PLC0415 -- that it comes too late is the point

    return wave.__name__


def die_with_parent(facts, say):
    say({"pid": os.getpid()})
    while True:
        time.sleep(60)
