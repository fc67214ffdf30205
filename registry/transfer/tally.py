"""Counts what a progress report was told, so that a new beginning can take it back."""

import threading

from registry.domain.progress import Progress


class Tally(Progress):
    """Passes everything on; remembers how many bytes count as done.

    Args:
        progress: Who really wants to know.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._done_bytes = 0
        self._begun = False

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Begin once; a second attempt goes on with the first one's report."""
        if self._begun:
            self.advance(done_bytes)
            return
        self._begun = True
        self._done_bytes = done_bytes
        self._progress.begin(what, total_bytes, done_bytes)

    def advance(self, bytes_count: int) -> None:
        """Pass on and count."""
        with self._lock:
            self._done_bytes += bytes_count
        if bytes_count:
            self._progress.advance(bytes_count)

    def take_back(self) -> None:
        """Everything must be done again."""
        self.advance(-self._done_bytes)

    def end(self) -> None:
        """End what was begun."""
        if self._begun:
            self._begun = False
            self._progress.end()

    def say(self, message: str) -> None:
        """Pass on."""
        self._progress.say(message)
