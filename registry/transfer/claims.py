"""One process, and one thread of it, works on a file at a time.

The locks are the system's: they die with their holder, so nothing is left behind by a crash.

Some network file systems have none, or say yes to everybody. There each process works on a part of
its own, `<key>.own-<token>`, and leaves an unfinished one as `<key>.own`, where the next process
takes it by renaming it. Nothing but time is lost: whatever lies there is hashed before it is used.
"""

import contextlib
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from registry.domain.progress import Progress
from registry.errors import InUse, StoreError
from registry.transfer.partial import disk_errors

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

_SOON_S, _REMIND_S = 0.3, 30.0
_SUFFIXES = (".part", ".journal")
_BESIDE = (".journal", ".journal.tmp", ".lock")
_PROBE = ".locks"


@dataclass(slots=True)
class _Held:
    """A lock that a thread of ours holds, and how many times over."""

    lock: FileLock
    depth: int = 0


class Claims:
    """The locks of one folder of parts.

    Args:
        folder: Where the parts lie.
        wait_s: How long to wait for somebody else at most.
    """

    def __init__(self, folder: Path, *, wait_s: float) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self._held: dict[tuple[str, int], _Held] = {}
        self._depths: dict[tuple[str, int], list[int]] = {}
        self._own: dict[str, threading.RLock] = {}
        self._token = secrets.token_hex(4)
        self._guard = threading.Lock()

    @cached_property
    def can_lock(self) -> bool:
        """Whether a lock in this folder keeps others out; tried once, with a file of no bytes.

        Raises:
            StoreUnwritable: The folder takes no files.
        """
        with disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            locks = _locks_lock(self._folder)
        if not locks:
            logger.warning(
                "locks do not work in %s: every process has parts of its own", self._folder
            )
        return locks

    @contextlib.contextmanager
    def hold(self, key: str, progress: Progress, *, wait_s: float | None = None) -> Iterator[str]:
        """Hold the key's lock; the same thread may hold it several times, at no cost.

        Args:
            key: Name of the part.
            progress: Hears that we wait.
            wait_s: How long at most; None is what these claims began with.

        Yields:
            The name of the part to work on: the key, but where locks do not lock.

        Raises:
            InUse: Somebody else held it for too long.
            StoreUnwritable: There can be no lock in that folder.
        """
        if not self.can_lock:
            with self._hold_own(key) as name:
                yield name
            return
        ours = key, threading.get_ident()
        held = self._held.get(ours)
        if held is None:
            lock = self._acquired(key, progress, self._wait_s if wait_s is None else wait_s)
            held = self._held[ours] = _Held(lock)
        held.depth += 1
        try:
            yield key
        finally:
            held.depth -= 1
            if held.depth == 0:
                del self._held[ours]
                self._tidy(key)
                held.lock.release()

    def tidy(self) -> None:
        """Remove journals and locks whose part is gone: a run was killed between the two."""
        if not self.can_lock:
            return  # nobody can tell whether somebody works with them
        try:
            there = set(os.listdir(self._folder))  # noqa: PTH208 -- names alone
        except OSError:
            return  # what cannot be read waits for a better day
        left = {
            name.removesuffix(suffix)
            for name in there
            for suffix in _BESIDE
            if name.endswith(suffix)
        }
        for key in sorted(left):
            # Whoever holds it is at work; letting go of it is what tidies.
            if f"{key}.part" not in there:
                with contextlib.suppress(StoreError), self.hold(key, Progress(), wait_s=0):
                    pass

    @contextlib.contextmanager
    def _hold_own(self, key: str) -> Iterator[str]:
        """Work on a part of our own; only the threads of this process keep each other out."""
        with self._guard:
            lock = self._own.setdefault(key, threading.RLock())
        name, rest = f"{key}.own-{self._token}", f"{key}.own"
        with lock:  # a thread of ours may take as long as the download does
            depth = self._depths.setdefault((key, threading.get_ident()), [0])
            if depth[0] == 0:
                self._rename(rest, name)
            depth[0] += 1
            try:
                yield name
            except BaseException:
                # Not after success: whoever asked for the file takes it from where it lies.
                if depth[0] == 1:
                    self._rename(name, rest)
                raise
            finally:
                depth[0] -= 1
                if depth[0] == 0:
                    del self._depths[key, threading.get_ident()]
                    self._tidy(name)

    def _rename(self, name: str, wished: str) -> None:
        """Give part and journal another name; of two processes that want them, one gets them."""
        with contextlib.suppress(OSError):
            for suffix in _SUFFIXES:
                (self._folder / f"{name}{suffix}").rename(self._folder / f"{wished}{suffix}")

    def _tidy(self, key: str) -> None:
        """Remove what is left when the part itself is gone; only while the lock is held.

        Who waits for the lock notices that its file has no name any more, and makes a new one.
        """
        if not (self._folder / f"{key}.part").exists():
            for suffix in _BESIDE:
                with contextlib.suppress(OSError):
                    (self._folder / f"{key}{suffix}").unlink()

    def _acquired(self, key: str, progress: Progress, longest_s: float) -> FileLock:
        path = self._folder / f"{key}.lock"
        lock = FileLock(path, thread_local=False)
        begun = time.monotonic()
        wait_s = min(_SOON_S, longest_s)  # a moment is no news
        while True:
            with disk_errors(path), contextlib.suppress(Timeout):
                lock.acquire(timeout=wait_s, poll_interval=0.1)
                return lock
            waited = time.monotonic() - begun
            if waited >= longest_s:
                raise InUse("this download", waited)
            progress.say("another sdreg is fetching this file; waiting for it")
            wait_s = min(_REMIND_S, longest_s - waited)


def _locks_lock(folder: Path) -> bool:
    """Whether a second lock of one file is refused, as it must be."""
    if sys.platform == "win32":
        return True
    with (folder / _PROBE).open("wb") as first, (folder / _PROBE).open("wb") as second:
        try:
            for file in (first, second):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        except OSError as error:
            logger.info("%s: %s", folder, error)
    return False
