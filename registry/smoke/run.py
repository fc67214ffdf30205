"""Try a model in a process of its own: whatever happens there is a verdict, not an end."""

import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.domain.smoke import Reason, SmokeResult, SmokeTask
from registry.errors import FormatError
from registry.smoke import layout

TIME_LIMIT_S = 900.0
_NEEDED = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
# Python, torch and diffusers before any weight; and what a picture needs beside the weights.
_BASE_BYTES, _ROOM = 600_000_000, 1.25
_WIDEST_BYTES = 4
_KEPT = ("PATH", "HOME", "TMPDIR", "TEMP", "LANG", "SYSTEMROOT", "LD_LIBRARY_PATH")
_KEPT_BEGIN = ("CUDA_", "HIP_", "ROCR_", "PYTORCH_", "OMP_", "MKL_")
_LAST_WORDS = 2000
_GPU_WAIT_S = 10
# On Linux the usual torch brings gigabytes of CUDA; this one is for processors.
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def has_extra() -> bool:
    """Whether torch and what else painting needs is installed; none of it is imported."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def run_smoke(
    task: SmokeTask,
    report: Callable[[str], None] = lambda _: None,
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> SmokeResult:
    """Try a model.

    Args:
        task: What to try, and how.
        report: Told the name of every stage as it begins.
        time_limit_s: A process that takes longer is ended: it hangs.

    Returns:
        A result in any case; `failed` if the process crashed, hung, or ran out of memory.
    """
    short = _too_little_memory(task)
    if short is not None:
        return SmokeResult("untestable", (short,), seed=task.seed)
    command = [sys.executable, "-m", "registry.smoke.child"]
    with subprocess.Popen(  # noqa: S603 -- our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(_environment()),
        start_new_session=True,  # a Ctrl-C is for us to pass on
    ) as child:
        try:
            return _listen(child, task, report, time_limit_s)
        finally:
            if child.poll() is None:
                child.kill()


def _listen(
    child: "subprocess.Popen[str]",
    task: SmokeTask,
    report: Callable[[str], None],
    time_limit_s: float,
) -> SmokeResult:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(child.stderr or ()), daemon=True)
    listener.start()
    hung = threading.Event()

    def give_up() -> None:
        hung.set()
        child.kill()

    alarm = threading.Timer(time_limit_s, give_up)
    alarm.start()
    stage, result = "start", None
    try:
        child.stdin.write(json.dumps(asdict(task), default=str) + "\n")
        child.stdin.close()
        for line in child.stdout:
            told: dict[str, Any] = json.loads(line)
            if "stage" in told:
                stage = told["stage"]
                report(stage)
            else:
                result = result_from(told["result"])
    except BrokenPipeError:
        pass  # it died before it read its task: its end tells
    finally:
        alarm.cancel()
    code = child.wait()
    listener.join()
    if result is not None:
        return result
    last_words = "".join(said)[-_LAST_WORDS:]
    reason = _end(code, stage, last_words, time_limit_s if hung.is_set() else None)
    return SmokeResult("failed", (reason,), seed=task.seed)


def result_from(document: dict[str, Any]) -> SmokeResult:
    """A result as the child wrote it."""
    known = dict(document)
    known["reasons"] = tuple(Reason(**reason) for reason in document["reasons"])
    known["size"] = tuple(document["size"]) if document["size"] else None
    known["picture"] = Path(document["picture"]) if document["picture"] else None
    return SmokeResult(**known)


def _end(code: int, stage: str, said: str, limit_s: float | None) -> Reason:
    """What the end of a child means that gave no result."""
    where = f"in the stage “{stage}”"
    if limit_s is not None:
        return Reason("timeout", f"it took more than {limit_s:.0f} seconds, {where}")
    if code == -signal.SIGKILL:
        message = f"the system killed it {where}: most likely the memory ran out"
        return Reason("child-killed", message)
    if code < 0:
        return Reason("child-crashed", f"it crashed {where} ({signal.Signals(-code).name})")
    last = said.strip().rpartition("\n")[2]
    return Reason("child-crashed", f"it ended {where} with status {code}: {last[:300]}")


def _environment() -> Iterator[tuple[str, str]]:
    """What the child may know: no tokens, no proxies, no hub."""
    for name, value in os.environ.items():  # noqa: TID251 -- passed on, not read
        if name in _KEPT or name.startswith(_KEPT_BEGIN):
            yield name, value
    package = Path(__file__).parent.parent.parent
    yield "PYTHONPATH", str(package)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        yield name, "1"


def _too_little_memory(task: SmokeTask) -> Reason | None:
    """Say beforehand that the weights will not fit; nothing is loaded."""
    free = task.memory_limit_bytes if task.memory_limit_bytes is not None else free_memory_bytes()
    if free is None:
        return None
    needed = needed_bytes(task)
    if needed is None or needed <= free:
        return None
    message = (
        f"it needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
        "close other programs, or try it on another machine"
    )
    return Reason("too-little-memory", message)


def needed_bytes(task: SmokeTask) -> int | None:
    """Memory that a trial needs at most; None if the file does not tell.

    The weights are read in their own format and kept in that of the device, 4 bytes at most.
    """
    try:
        paths = [path for path in (task.base, task.target) if path is not None]
        stored = sum(path.stat().st_size for path in paths)
        count = sum(_count(shape) for path in paths for shape in layout.shapes_in(path).values())
    except (OSError, FormatError):
        return None
    kept = count * (2 if task.device in {"cuda", "mps"} else _WIDEST_BYTES)
    return int(_BASE_BYTES + max(stored, kept) * _ROOM)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def free_memory_bytes() -> int | None:
    """Memory that programs can still have; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return next(found, None)


def has_gpu() -> bool:
    """Whether a GPU that torch could use seems to be there; torch itself is not asked."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Path("/dev/kfd").exists()  # AMD's
    try:
        asked = subprocess.run([tool, "-L"], capture_output=True, timeout=_GPU_WAIT_S, check=False)  # noqa: S603 -- the driver's own tool
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and b"GPU" in asked.stdout


def how_to_add() -> str:
    """The one command that adds what painting needs, on this machine."""
    if sys.platform == "darwin" or has_gpu():
        return "pip install 'sdreg[smoke]'"
    return f"pip install 'sdreg[smoke]' --extra-index-url {_CPU_INDEX}"
