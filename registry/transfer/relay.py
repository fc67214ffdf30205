"""Hand pieces, in file order, from the thread that has them to the threads that follow."""

import threading
from collections import deque
from collections.abc import Callable, Iterator


class Relay:
    """A queue that every reader sees whole; nothing is copied.

    A piece is released when all who read it, and the thread that shared it, are done with it.

    Args:
        readers: How many threads listen.
    """

    def __init__(self, *, readers: int) -> None:
        self._waiting: deque[tuple[memoryview, Callable[[], None]]] = deque()
        self._changed = threading.Condition()
        self._released = 0
        self._shared = 0
        self._seen = [0] * (1 + readers)
        self._closed = False

    def share(self, piece: memoryview, release: Callable[[], None]) -> None:
        """Let the readers have it; `release` is called when everybody is done with it."""
        with self._changed:
            self._shared += 1
            self._waiting.append((piece, release))
            self._changed.notify_all()

    def let_go(self) -> None:
        """The thread that shares is done with what it shared so far."""
        with self._changed:
            self._note(0, self._shared)

    def listen(self, reader: int) -> Iterator[memoryview]:
        """Every piece in order, until the relay is closed; each is valid until the next."""
        for number in range(1 << 62):
            with self._changed:
                self._note(1 + reader, number)
                while self._shared <= number:
                    if self._closed:
                        return
                    self._changed.wait()
                piece = self._waiting[number - self._released][0]
            yield piece

    def close(self) -> None:
        """There will be no more pieces."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _note(self, who: int, count: int) -> None:
        self._seen[who] = count
        while self._released < min(self._seen):
            self._released += 1
            self._waiting.popleft()[1]()
