"""The connections to each host: how many there may be, and which to break off."""

import contextlib
import socket
import threading
import time
import weakref
from collections import Counter, defaultdict

Origin = tuple[str, str, int]


class Lines:
    """What all downloads of one downloader share about their connections; used by every thread.

    Args:
        most_per_host: So many answers of one host may be read at once.

    Attributes:
        watch: Who looks at the clock for every request.
    """

    def __init__(self, most_per_host: int) -> None:
        self.watch = Watch()
        self._most = most_per_host
        self._changed = threading.Condition()
        self._open: Counter[str] = Counter()
        self._quiet_until: dict[str, float] = {}
        self._lines: defaultdict[Origin, weakref.WeakSet[socket.socket]]
        self._lines = defaultdict(weakref.WeakSet)
        self._read: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def enter(self, host: str, stop: threading.Event) -> bool:
        """Wait until the host may be asked once more; False if `stop` was set meanwhile.

        Whoever entered must leave.
        """
        with self._changed:
            while not stop.is_set():
                quiet_s = self._quiet_until.get(host, 0.0) - time.monotonic()
                if quiet_s <= 0 and self._open[host] < self._most:
                    self._open[host] += 1
                    return True
                self._changed.wait(quiet_s if quiet_s > 0 else None)
            return False

    def leave(self, host: str) -> None:
        """Make room for the next."""
        with self._changed:
            self._open[host] -= 1
            self._changed.notify_all()

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody ask `host` for so long."""
        with self._changed:
            until = time.monotonic() + seconds
            self._quiet_until[host] = max(until, self._quiet_until.get(host, 0.0))

    def wake(self) -> None:
        """Let everybody who waits look at their `stop` again."""
        with self._changed:
            self._changed.notify_all()

    def add(self, origin: Origin, line: socket.socket) -> None:
        """Remember a connection that was just made."""
        with self._changed:
            self._lines[origin].add(line)

    def read(self, line: socket.socket | None, *, now: bool) -> None:
        """Note whether somebody reads a body from this connection now."""
        if line is not None:
            with self._changed:
                (self._read.add if now else self._read.discard)(line)

    def cut_waiting(self, origin: Origin) -> None:
        """Break off the connections to `origin` from which nobody reads a body."""
        with self._changed:
            waiting = [line for line in self._lines[origin] if line not in self._read]
        for line in waiting:
            break_off(line)


def break_off(line: socket.socket) -> None:
    """End a connection, from another thread: who waits for it is told at once."""
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


class Deadline:
    """The head of an answer must be there in time, however slowly its bytes trickle.

    It is part of httpx's `trace` extension. A timeout of httpx counts from byte to byte only.

    Args:
        lines: Where the connection is found.
        origin: Whom we ask.
        longest_s: How long the head may take.
    """

    def __init__(self, lines: Lines, origin: Origin, longest_s: float) -> None:
        self.passed = threading.Event()
        self._lines, self._origin, self._longest_s = lines, origin, longest_s

    def __call__(self, event: str) -> None:
        """Hear how the request goes."""
        if ".receive_response_headers." not in event:
            return
        if event.endswith(".started"):
            self._lines.watch.begin(self, time.monotonic() + self._longest_s)
        else:
            self._lines.watch.end(self)

    def miss(self) -> None:
        """It has passed."""
        self.passed.set()
        self._lines.cut_waiting(self._origin)


class Watch:
    """Looks at the clock for every deadline: in one thread, while there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Deadline, float] = {}
        self._looks_at: float | None = None

    def begin(self, deadline: Deadline, due_at: float) -> None:
        """Tell this deadline when it has passed, unless it ends before."""
        with self._changed:
            self._due[deadline] = due_at
            if self._looks_at is None:
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
            elif due_at < self._looks_at:
                self._changed.notify_all()
            else:
                return
            self._looks_at = due_at

    def end(self, deadline: Deadline) -> None:
        """It is kept; nobody has to be told. The thread finds that out when it looks again."""
        with self._changed:
            self._due.pop(deadline, None)

    def _run(self) -> None:
        while (missed := self._next_missed()) is not None:
            missed.miss()

    def _next_missed(self) -> Deadline | None:
        """Wait for the next deadline that passes; None when none is left to wait for."""
        with self._changed:
            while self._due:
                first = min(self._due, key=self._due.__getitem__)
                self._looks_at = self._due[first]
                wait_s = self._looks_at - time.monotonic()
                if wait_s <= 0:
                    del self._due[first]
                    return first
                self._changed.wait(wait_s)
            self._looks_at = None
            return None
