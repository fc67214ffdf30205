"""The process that a model is tried in: one task comes in by stdin, lines of JSON go out.

A crash here, a hang, or memory that runs out ends this process and not the one that waits for it.
`{"stage": …}` tells what begins now, `{"result": …}` ends it. Whatever libraries print goes to
stderr.
"""

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from registry.domain.smoke import Reason, SmokeResult, SmokeTask
from registry.smoke.memory import ran_out


class Stages:
    """Tells what is done, and how long each of it took."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One stage."""
        self._say({"stage": name})
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - begun, 3)


def main() -> int:
    """Read a task, carry it out, write the result."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print where they like

    def say(line: dict[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    task = task_from(json.loads(sys.stdin.readline()))
    stages = Stages(say)
    try:
        with stages("import"):
            from registry.smoke.trial import try_model  # noqa: PLC0415 -- brings torch
        with tempfile.TemporaryDirectory() as folder:
            result = try_model(task, stages, Path(folder))
    except ImportError as error:  # torch does not fit this machine: no fault of the model
        traceback.print_exc()
        broken = _failed("no-extra", f"the extra `smoke` is broken: {error}", stages)
        result = replace(broken, verdict="untestable")
    except MemoryError:
        result = _failed("out-of-memory", "the memory ran out", stages)
    except Exception as error:  # noqa: BLE001 -- whatever a library says about this file is a verdict
        traceback.print_exc()
        code = "out-of-memory" if ran_out(error) else "does-not-load"
        result = _failed(code, f"{type(error).__name__}: {error}", stages)
    document = asdict(result) | {"seconds": stages.seconds, "peak_memory_bytes": _peak_bytes()}
    say({"result": document | {"picture": str(result.picture) if result.picture else None}})
    return 0


def task_from(document: dict[str, Any]) -> SmokeTask:
    """A task as `run` wrote it."""
    paths = ("target", "picture", "base")
    known = {key: Path(document[key]) for key in paths if document.get(key) is not None}
    return SmokeTask(**(document | known))


def _failed(code: str, message: str, stages: Stages) -> SmokeResult:
    where = next(reversed(stages.seconds), "")
    first = message.strip().splitlines()[0] if message.strip() else code
    return SmokeResult("failed", (Reason(code, f"in the stage “{where}”: {first[:300]}"),))


def _peak_bytes() -> int | None:
    try:
        import resource  # noqa: PLC0415 -- Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(main())
