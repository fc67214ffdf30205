"""Progress on a terminal as bars, elsewhere as lines; always on stderr."""

import sys
import threading
import time
from typing import TYPE_CHECKING

from registry.cli.words import size
from registry.domain.progress import Progress
from registry.domain.strangers_text import without_controls

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


def progress_for_terminal(*, quiet: bool = False) -> Progress:
    """Bars where somebody watches, lines where a log is written, nothing if quiet."""
    if quiet:
        return Lines(every_s=None)
    return Bar() if sys.stderr.isatty() else Lines()


class Lines(Progress):
    """A line at the begin and the end, and one every few seconds between."""

    def __init__(self, every_s: float | None = 5.0) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._what, self._done = "", 0
        self._total: int | None = None
        self._begun_s = self._told_s = 0.0

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Say what begins, and how much of it is there."""
        with self._lock:
            self._what, self._total, self._done = what, total_bytes, done_bytes
            self._begun_s = self._told_s = time.monotonic()
        have = f", {size(done_bytes)} are here already" if done_bytes else ""
        self._write(f"{what}: {size(total_bytes)}{have}")

    def advance(self, bytes_count: int) -> None:
        """Count; now and then say how far it is."""
        with self._lock:
            self._done += bytes_count
            now_s = time.monotonic()
            due = self._every_s is not None and now_s - self._told_s >= self._every_s
            if due:
                self._told_s = now_s
            line = f"{self._what}: {size(self._done)} of {size(self._total)}"
        if due:
            self._write(line)

    def end(self) -> None:
        """Say how it went."""
        with self._lock:
            took_s = max(time.monotonic() - self._begun_s, 1e-6)
            line = f"{self._what}: {size(self._done)} done in {took_s:.1f} s"
        self._write(line)

    def another(self) -> "Lines":
        """Lines about something else, between these."""
        return Lines(self._every_s)

    def say(self, message: str) -> None:
        """Pass the message on."""
        sys.stderr.write(f"{without_controls(message, keep_lines=True)}\n")

    def _write(self, line: str) -> None:
        if self._every_s is not None:
            sys.stderr.write(f"{without_controls(line)}\n")


class Bar(Progress):
    """A bar with speed and remaining time.

    Args:
        bars: The screen on which others are shown already.
    """

    def __init__(self, bars: "Bars | None" = None) -> None:
        self._bars: Bars = bars or _screen()
        self._task: TaskID | None = None

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Show a bar."""
        self._bars.start()
        self._task = self._bars.add_task(
            without_controls(what), total=total_bytes, completed=done_bytes
        )

    def advance(self, bytes_count: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, bytes_count)

    def end(self) -> None:
        """Take the bar away, and the screen with the last of them."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        if not self._bars.task_ids:
            self._bars.stop()

    def another(self) -> "Bar":
        """A bar below this one."""
        return Bar(self._bars)

    def say(self, message: str) -> None:
        """Print above the bar."""
        self._bars.console.print(
            without_controls(message, keep_lines=True), markup=False, highlight=False
        )


def _screen() -> "Bars":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
