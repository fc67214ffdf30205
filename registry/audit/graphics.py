"""Is somebody painting? Asked of the drivers, so that an audit can step aside."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

BUSY_PERCENT = 20
_NVIDIA = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
_AMD = Path("/sys/class/drm")
_PATIENCE_S = 10


def busiest_percent() -> int | None:
    """How busy the busiest GPU is, from 0 to 100; None where no driver tells.

    NVIDIA's by `nvidia-smi`, AMD's by the file `gpu_busy_percent` of its kernel driver.
    """
    return max((*_nvidia(), *_amd()), default=None)


def _nvidia() -> Iterator[int]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    try:
        told = subprocess.run(  # noqa: S603 -- a fixed command
            [program, *_NVIDIA], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    yield from (int(line) for line in told.split() if line.isdecimal())


def _amd() -> Iterator[int]:
    for file in sorted(_AMD.glob("card*/device/gpu_busy_percent")):
        try:
            text = file.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            yield int(text)
