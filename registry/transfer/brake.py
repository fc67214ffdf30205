"""End everything that a downloader has under way, from another thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator


class Brake:
    """Once pulled, it stays so: waits end, and what was announced is called."""

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []

    def pull(self) -> None:
        """End everything."""
        self._pulled.set()
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call()

    def wait(self, seconds: float) -> bool:
        """Rest for so long; True as soon as it is pulled."""
        return self._pulled.wait(seconds)

    @contextlib.contextmanager
    def calls(self, call: Callable[[], None]) -> Iterator[None]:
        """Have `call` called if it is pulled during this block; it may be called after it, too."""
        with self._lock:
            self._calls.append(call)
        try:
            if self._pulled.is_set():
                call()
            yield
        finally:
            with self._lock:
                self._calls.remove(call)
