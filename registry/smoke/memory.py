"""Will it fit? Asked of the headers, before a weight is loaded. Did it not? Asked of an error."""

import math
from pathlib import Path

from registry.domain.smoke import Reason, SmokeTask
from registry.smoke.recognise import shapes_in

# Python, torch and diffusers before any weight, and what a small picture takes.
_BASE_BYTES = 700_000_000


def too_little_memory(task: SmokeTask, bytes_per_weight: int) -> Reason | None:
    """The reason not to begin, if the memory that is free cannot hold the weights.

    Args:
        task: What is to be loaded.
        bytes_per_weight: In the number format of the device.
    """
    free = task.memory_limit_bytes if task.memory_limit_bytes is not None else free_bytes()
    needed = needed_bytes(task, bytes_per_weight)
    if free is None or needed <= free:
        return None
    message = (
        f"it needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
        "close other programs, or try it on another machine"
    )
    return Reason("too-little-memory", message)


def needed_bytes(task: SmokeTask, bytes_per_weight: int) -> int:
    """Memory that a trial takes: the weights as they are read, and as the device wants them.

    Measured: 4.7 GB for SD 1.5 in fp16 (4.97 by this), 14.5 GB for SDXL (14.6).
    """
    paths = [path for path in (task.base, task.target) if path is not None]
    shapes = [shape for path in paths for shape in shapes_in(path).values()]
    kept = sum(map(math.prod, shapes)) * bytes_per_weight
    return _BASE_BYTES + sum(path.stat().st_size for path in paths) + kept


def ran_out(error: Exception) -> bool:
    """Whether torch says by this error that the memory ran out, and nothing about the model.

    On GPUs it has a class for that, below RuntimeError; elsewhere only the words tell.
    """
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _WORDS)
    )


# Of torch's allocators: on MPS, on processors, and on processors under Windows.
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def free_bytes() -> int | None:
    """Memory that programs can still have; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return next(found, None)
