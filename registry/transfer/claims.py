"""One process, and one thread of it, works on a file at a time.

The locks are the system's: they die with their holder, so nothing is left behind by a crash.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from registry.domain.progress import Progress
from registry.errors import InUse
from registry.transfer.partial import disk_errors

_REMIND_S = 30.0


class Claims:
    """The locks of one folder of parts.

    Args:
        folder: Where the parts lie.
        wait_s: How long to wait for somebody else at most.
    """

    def __init__(self, folder: Path, *, wait_s: float) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self._locks: dict[str, FileLock] = {}
        self._depths: dict[tuple[str, int], list[int]] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def hold(self, key: str, progress: Progress, *, wait_s: float | None = None) -> Iterator[None]:
        """Hold the key's lock; the same thread may hold it several times.

        Args:
            key: Name of the part.
            progress: Hears that we wait.
            wait_s: How long at most; None is what these claims began with.

        Raises:
            InUse: Somebody else held it for too long.
            StoreUnwritable: There can be no lock in that folder.
        """
        lock = self._lock(key)
        self._acquire(lock, key, progress, self._wait_s if wait_s is None else wait_s)
        depth = self._depths.setdefault((key, threading.get_ident()), [0])
        depth[0] += 1
        try:
            yield
        finally:
            depth[0] -= 1
            if depth[0] == 0:
                del self._depths[key, threading.get_ident()]
                self._tidy(key)
            lock.release()

    def _tidy(self, key: str) -> None:
        """Remove what is left when the part itself is gone; only while the lock is held.

        Who waits for the lock notices that its file has no name any more, and makes a new one.
        """
        if not (self._folder / f"{key}.part").exists():
            for name in (f"{key}.journal", f"{key}.journal.tmp", f"{key}.lock"):
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.lock"

    def _lock(self, key: str) -> FileLock:
        with disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._guard:
            return self._locks.setdefault(key, FileLock(self._path(key)))

    def _acquire(self, lock: FileLock, key: str, progress: Progress, longest_s: float) -> None:
        begun = time.monotonic()
        wait_s = 0.0
        while True:
            with disk_errors(self._path(key)):
                try:
                    lock.acquire(timeout=wait_s, poll_interval=0.1)
                except Timeout:
                    pass
                else:
                    return
            waited = time.monotonic() - begun
            if waited >= longest_s:
                raise InUse("this download", waited)
            progress.say("another sdreg is fetching this file; waiting for it")
            wait_s = min(_REMIND_S, longest_s - waited)
