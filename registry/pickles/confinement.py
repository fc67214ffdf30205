"""Inside the child: walls first, then the work.

The child runs a function of ours on a file of a stranger's. Should the inert reader have a hole,
whoever comes through finds no network, no other program, no file but the named ones, and little
memory and time. Every wall is optional: what a system does not have is reported, never hidden.
"""

import dataclasses

# Codecs of names in zips and of texts, and what tracebacks need: nothing can be imported later.
import encodings.ascii
import encodings.cp437
import encodings.latin_1
import encodings.utf_8_sig  # noqa: F401 -- see above, for all four
import importlib
import json
import linecache  # noqa: F401 -- see above
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from registry.domain.strangers_text import one_line
from registry.errors import SdregError
from registry.pickles import kernel, landlock, seccomp

Say = Callable[[Any], None]
_KILL_SIGNAL = 9
_MAY_OPEN_ITS_FILES = 1  # CAP_DAC_OVERRIDE: root's way to files of others, which Landlock bounds
_CAPABILITIES = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One wall.

    Attributes:
        name: Which one.
        stands: Whether it is there.
        says: What it keeps out, or why it is not there.
    """

    name: str
    stands: bool
    says: str


def main(request: dict[str, Any]) -> None:
    """Carry out one request and end; what is said goes to the pipe that stdout was."""
    pipe = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 -- the device, not a path of somebody's
        os.dup2(nothing.fileno(), 1)
    _say(pipe, {"done": _outcome(request, lambda message: _say(pipe, {"told": message}), pipe)})


def nothing(_facts: dict[str, Any], _say: Say) -> None:
    """A task that does nothing: for whoever wants to know which walls stand."""


def _say(pipe: BinaryIO, message: object) -> None:
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def _outcome(request: dict[str, Any], say: Say, pipe: BinaryIO) -> dict[str, Any]:
    try:
        layers = list(_before_the_work_is_known(request["parent"]))
        module, _, name = request["task"].partition(":")
        task = getattr(importlib.import_module(module), name)
        layers += _walls(request)
        _say(pipe, {"layers": [dataclasses.astuple(layer) for layer in layers]})
        return {"value": task(request["facts"], say)}
    except SdregError as error:
        return {"error": type(error).__name__, "facts": dict(error.__dict__)}
    except MemoryError:
        return {"stopped": "memory"}
    except Exception as error:  # noqa: BLE001 -- the border of a process: all that is left is to tell it
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.name}, line {last.lineno}"
        return {"stopped": "crashed", "because": one_line(f"{error!r} in {where}")}


def _before_the_work_is_known(parent: int) -> Iterator[Layer]:
    """Walls that must stand before the first thread, and so before numpy is imported."""
    yield _built("parent", "it ends when sdreg ends", lambda: _follow(parent))
    yield _built("memory dumps", "no other process of yours reads it", _hide)
    yield _built("network", "it has none", _leave_network)


def _walls(request: dict[str, Any]) -> Iterator[Layer]:
    reads, writes, limits = request["reads"], request["writes"], request["limits"]
    yield _built(
        "limits", "memory, time, output and open files are bounded", lambda: _limit(limits)
    )
    yield _built("files", "it sees only the files it was given", lambda: _only_files(reads, writes))
    yield _built("privileges", "it has none to lose", _drop_privileges)
    yield _built("system calls", "no sockets, no other programs", seccomp.deny)
    yield _built("imports", "nothing is imported from here on", _close_imports)


def _built(name: str, promise: str, build: Callable[[], object]) -> Layer:
    try:
        build()
    except (OSError, ImportError, AttributeError, ValueError) as error:
        because = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return Layer(name, stands=False, says=because)
    return Layer(name, stands=True, says=promise)


def _follow(parent: int) -> None:
    kernel.control(kernel.SET_PARENT_DEATH_SIGNAL, _KILL_SIGNAL)
    if os.getppid() != parent:
        os._exit(1)  # sdreg ended before the signal was asked for


def _hide() -> None:
    kernel.control(kernel.SET_DUMPABLE, 0)


def _leave_network() -> None:
    try:
        kernel.leave_namespaces(kernel.NEW_NETWORK_NAMESPACE)  # as root
    except kernel.Missing:
        kernel.leave_namespaces(kernel.NEW_USER_NAMESPACE | kernel.NEW_NETWORK_NAMESPACE)


def _only_files(reads: Sequence[str], writes: Sequence[str]) -> None:
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 -- as cheap as can be
        raise kernel.Missing(0, "threads run already, and would stay outside")
    landlock.confine(reads, writes)


def _limit(limits: dict[str, int]) -> None:
    import resource  # noqa: PLC0415 -- Windows has none

    bounds = {
        resource.RLIMIT_DATA: limits["memory_bytes"],
        resource.RLIMIT_AS: limits["addresses_bytes"],
        resource.RLIMIT_CPU: limits["processor_s"],
        resource.RLIMIT_FSIZE: limits["output_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    for which, wanted in bounds.items():
        _, highest = resource.getrlimit(which)
        bound = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        resource.setrlimit(which, (bound, bound))


def _drop_privileges() -> None:
    kernel.control(kernel.SET_NO_NEW_PRIVILEGES, 1)
    for capability in range(_CAPABILITIES):
        try:
            kernel.control(kernel.DROP_FROM_BOUNDING_SET, capability)
        except kernel.Missing:
            break  # past the last one, or somebody who never had any
    root = os.geteuid() == 0
    kernel.drop_capabilities(frozenset({_MAY_OPEN_ITS_FILES} if root else ()))


class _NoImports:
    """Stands first among the finders and finds that there is nothing."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 -- Python's
        raise ModuleNotFoundError(f"{name} must be imported at the top of its task's module")


def _close_imports() -> None:
    sys.meta_path.insert(0, _NoImports())
