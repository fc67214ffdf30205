"""What a model can be tried on here: torch is asked in a process of its own, never imported here.

Run as a program it is that process: it writes one line of JSON.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.domain.strangers_text import one_line

_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What torch says of this machine.

    Attributes:
        torch: Its version.
        kind: ``cuda``, ``rocm``, ``mps`` or ``cpu``: the quickest that it can use.
        names: What its devices are called.
    """

    torch: str
    kind: str
    names: tuple[str, ...] = ()


class TorchBroken(Exception):
    """It is installed, and does not say what it can use."""


def ask_torch(environment: Mapping[str, str], *, timeout_s: float = _PATIENCE_S) -> Machine | None:
    """Ask torch what it can use; None if it is not installed.

    Args:
        environment: What the process may know of ours.
        timeout_s: A driver that hangs is not waited for any longer.

    Raises:
        TorchBroken: It cannot be loaded, crashes or hangs; says why.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    # The very torch that a smoke test here would load, wherever it lies.
    places = (Path(__file__).parents[2], Path(found.origin).parents[1])
    try:
        asked = subprocess.run(  # noqa: S603 -- our own module
            [sys.executable, "-m", __name__],
            env={**environment, "PYTHONPATH": os.pathsep.join(map(str, places))},
            capture_output=True,
            timeout=timeout_s,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TorchBroken(f"it does not answer within {timeout_s:.0f} seconds") from error
    if asked.returncode != 0:
        last = asked.stderr.strip().rpartition("\n")[2]
        raise TorchBroken(one_line(last) or f"it ends with status {asked.returncode}")
    told = json.loads(asked.stdout)
    return Machine(one_line(told["torch"]), told["kind"], tuple(map(one_line, told["names"])))


def _tell() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print where they like
    import torch  # noqa: PLC0415 -- in this process only

    kind, names = "cpu", []
    if torch.cuda.is_available():
        kind = "rocm" if torch.version.hip else "cuda"
        names = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
    elif torch.backends.mps.is_available():
        kind = "mps"
    json.dump({"torch": str(torch.__version__), "kind": kind, "names": names}, out)
    out.close()


if __name__ == "__main__":
    _tell()
