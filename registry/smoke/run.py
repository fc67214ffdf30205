"""Try a model in a process of its own: whatever happens there is a verdict, not an end."""

import importlib.util
import json
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.domain.smoke import Reason, SmokeResult, SmokeTask

TIME_LIMIT_S = 900.0
_NEEDED = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
_LAST_WORDS = 2000
_GPU_WAIT_S = 10
# Where torch's builds lie: https://pytorch.org/get-started/locally. The usual one brings gigabytes
# of CUDA on Linux, and none on Windows.
_INDEX = "https://download.pytorch.org/whl/"
# What CUDA 13 asks of the driver: https://docs.nvidia.com/deploy/cuda-compatibility
_CUDA_13_DRIVER = 580


def has_extra() -> bool:
    """Whether torch and what else painting needs is installed; none of it is imported."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def run_smoke(
    task: SmokeTask,
    report: Callable[[str], None] = lambda _: None,
    *,
    environment: Mapping[str, str] | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> SmokeResult:
    """Try a model.

    Args:
        task: What to try, and how.
        report: Told the name of every stage as it begins.
        environment: What the process may know of ours; None is nothing.
        time_limit_s: A process that takes longer is ended: it hangs.

    Returns:
        A result in any case; `failed` if the process crashed, hung, or ran out of memory.
    """
    command = [sys.executable, "-m", "registry.smoke.child"]
    with subprocess.Popen(  # noqa: S603 -- our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_offline(environment or {}),
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


def _offline(environment: Mapping[str, str]) -> dict[str, str]:
    """What the child may know: nothing of hubs, and where sdreg lies."""
    offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    package = Path(__file__).parent.parent.parent
    return {**environment, **dict.fromkeys(offline, "1"), "PYTHONPATH": str(package)}


def has_gpu() -> bool:
    """Whether a GPU that torch could use seems to be there; torch itself is not asked."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return nvidia_driver() is not None or _AMD.exists()


_AMD = Path("/dev/kfd")


def nvidia_driver() -> int | None:
    """The major version of NVIDIA's driver; None where there is none, or no GPU for it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, timeout=_GPU_WAIT_S, check=False)  # noqa: S603 -- the driver's own tool
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(rb"\s*(\d+)\.", asked.stdout)
    return int(found[1]) if asked.returncode == 0 and found else None


def how_to_add() -> str:
    """The one command that adds what painting needs, on this machine."""
    if sys.platform == "darwin":
        return "pip install 'sdreg[smoke]'"
    driver = nvidia_driver()
    if driver is not None:
        build = "cu130" if driver >= _CUDA_13_DRIVER else "cu126"
    else:
        build = "rocm7.2" if _AMD.exists() else "cpu"
    return f"pip install 'sdreg[smoke]' --extra-index-url {_INDEX}{build}"
