"""Run a task of ours in a child process that can reach nothing but what it was given.

The task is named, not sent: ``"registry.convert.rewrite:rewrite"``. It is a function of two
arguments, its facts and a way to say something meanwhile, and must import whatever it needs at the
top of its module: nothing can be imported once the walls stand. Plain values come home as JSON.

Should `pickles` be wrong about a file, this is the wall behind it; see `confinement.py`.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from registry import errors
from registry.domain.strangers_text import one_line
from registry.errors import SdregError, WorkStopped
from registry.pickles.confinement import Layer

_BOOT = (
    "import json, sys\n"
    "request = json.loads(sys.stdin.buffer.read())\n"
    "sys.path += request['paths']\n"
    "from registry.pickles.confinement import main\n"
    "main(request)\n"
)
# Libraries for numbers would start threads when they are imported, and threads stay outside.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
_LIBRARIES = ("numpy", "safetensors", "blake3", "picklescan")
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_KEPT_COMPLAINTS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a child may take.

    Attributes:
        memory_bytes: Of its own; what is mapped from its files does not count.
        time_s: From its begin to its end.
        output_bytes: Length of the longest file that it writes.
        open_files: At one time.
    """

    memory_bytes: int = 2 * 1024**3
    time_s: float = 3600.0
    output_bytes: int = 256 * 1024**3
    open_files: int = 64


@dataclass(frozen=True, slots=True)
class Confined:
    """What a task brought home.

    Attributes:
        value: Its result, as JSON can say it.
        layers: The walls it was in, and those that this system does not have.
    """

    value: Any
    layers: tuple[Layer, ...]


def run_confined(
    task: str,
    facts: Mapping[str, Any],
    *,
    reads: Iterable[Path | int] = (),
    writes: Iterable[Path | int] = (),
    limits: Limits | None = None,
    listen: Callable[[Any], None] | None = None,
) -> Confined:
    """Run a task in a child, and wait for it.

    Args:
        task: ``module:function``; the function takes `facts` and a function to say things with.
        facts: Its arguments, as JSON can say them.
        reads: Files and folders that it may read, or descriptors that it inherits.
        writes: Files and folders that it may write, which are there already, or descriptors.
            Descriptors keep their numbers; Windows has none.
        limits: How much it may take.
        listen: Called with each thing that the task says meanwhile.

    Raises:
        WorkStopped: It crashed, needed more memory or time than it may have, or said nothing.
        SdregError: Whatever the task raised of ours.
    """
    limits = limits or Limits()
    reads, writes = list(reads), list(writes)
    request = {
        "task": task,
        "facts": dict(facts),
        "paths": _library_folders(),
        "reads": _paths(reads),
        "writes": _paths(writes),
        "parent": os.getpid(),
        "limits": {**asdict(limits), **_derived(limits, reads)},
    }
    descriptors = [each for each in (*reads, *writes) if isinstance(each, int)]
    child = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own program
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        cwd=Path(sys.executable).anchor,
        close_fds=True,
        start_new_session=True,
        pass_fds=descriptors,
    )
    watched = _Watched(child, task, limits)
    with watched:
        return watched.hear(request, listen or _ignore)


def layers() -> tuple[Layer, ...]:
    """The walls that stand on this system, and those that do not.

    Raises:
        WorkStopped: A child cannot even be started.
    """
    return run_confined("registry.pickles.confinement:nothing", {}).layers


class _Watched:
    """A child that is not let out of sight: it ends with its time, and with us."""

    def __init__(self, child: subprocess.Popen[bytes], task: str, limits: Limits) -> None:
        self._child = child
        self._task = task
        self._limits = limits
        self._late = threading.Event()
        self._complaints = b""
        self._timer = threading.Timer(limits.time_s, self._too_late)
        self._reader = threading.Thread(target=self._read_complaints, daemon=True)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()
        self._reader.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._child.kill()
        self._child.wait()
        self._reader.join()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def hear(self, request: dict[str, Any], listen: Callable[[Any], None]) -> Confined:
        """Give the request, and take what the child says until it is done."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(json.dumps(request).encode())
            self._child.stdin.close()
        except BrokenPipeError:
            raise self._stopped() from None
        walls: tuple[Layer, ...] = ()
        while message := self._message(self._child.stdout):
            if "told" in message:
                listen(message["told"])
            elif "layers" in message:
                walls = tuple(Layer(*layer) for layer in message["layers"])
            elif "done" in message:
                return Confined(self._result(message["done"]), walls)
        raise self._stopped()

    def _message(self, pipe: IO[bytes]) -> dict[str, Any] | None:
        line = pipe.readline(_MAX_MESSAGE_BYTES)
        if not line.endswith(b"\n"):
            return None
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) else None

    def _result(self, done: dict[str, Any]) -> Any:
        if "value" in done:
            return done["value"]
        if "error" in done:
            raise _revived(done["error"], done.get("facts", {}))
        if done.get("stopped") == "memory":
            raise self._out_of_memory()
        raise WorkStopped(self._task, "crashed", one_line(str(done.get("because", ""))))

    def _stopped(self) -> WorkStopped:
        """Why the child ended without a word."""
        code = self._child.wait()
        self._reader.join()
        if self._late.is_set() or code == -getattr(signal, "SIGXCPU", 0):
            return WorkStopped(
                self._task, "time", f"it took longer than {self._limits.time_s:,.0f} s"
            )
        if code == -getattr(signal, "SIGKILL", 0) or b"MemoryError" in self._complaints:
            return self._out_of_memory()
        complaint = one_line(self._complaints.decode(errors="replace").strip().split("\n")[-1])
        return WorkStopped(
            self._task, "crashed", f"it ended with status {code} {complaint}".strip()
        )

    def _out_of_memory(self) -> WorkStopped:
        allowed = f"{self._limits.memory_bytes:,} bytes"
        return WorkStopped(self._task, "memory", f"it needed more memory than its {allowed}")

    def _too_late(self) -> None:
        self._late.set()
        self._child.kill()

    def _read_complaints(self) -> None:
        assert self._child.stderr is not None
        while piece := os.read(self._child.stderr.fileno(), _KEPT_COMPLAINTS_BYTES):
            self._complaints = (self._complaints + piece)[-_KEPT_COMPLAINTS_BYTES:]


def _ignore(_: object) -> None:
    """For whoever does not want to know how far it is."""


def _revived(name: object, facts: object) -> SdregError:
    """An error of ours that came home as plain values."""
    kind = getattr(errors, str(name), None)
    if isinstance(kind, type) and issubclass(kind, SdregError) and isinstance(facts, dict):
        given = {
            key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()
        }
        try:
            return kind(**given)
        except TypeError:
            return WorkStopped(kind.__name__, "crashed", "it raised an error without its facts")
    return WorkStopped(one_line(str(name)), "crashed", "it raised an error that is not ours")


def _library_folders() -> list[str]:
    """Where this package and the libraries of its tasks lie, and nothing else of `sys.path`."""
    folders = [str(Path(__file__).resolve().parents[2])]
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            folders.append(str(Path(spec.origin).resolve().parents[1]))
    return list(dict.fromkeys(folders))


def _paths(places: Sequence[Path | int]) -> list[str]:
    return [str(place.resolve()) for place in places if isinstance(place, Path)]


def _derived(limits: Limits, reads: Sequence[Path | int]) -> dict[str, int]:
    """What follows: addresses for all that may be mapped, processor time for the time there is."""
    mapped = sum(_length(place) for place in reads)
    return {
        "addresses_bytes": 2 * limits.memory_bytes + 2 * mapped,
        "processor_s": int(limits.time_s) + 1,
    }


def _length(place: Path | int) -> int:
    try:
        return os.stat(place).st_size  # noqa: PTH116 -- a descriptor is no path
    except OSError:
        return 0


def _environment() -> dict[str, str]:
    if os.name != "nt":
        return _ENVIRONMENT
    # Windows finds its own libraries by this one.
    return {**_ENVIRONMENT, "SYSTEMROOT": str(Path(sys.base_prefix).drive) + "\\Windows"}
