"""Which pieces of a file have arrived, and which of them are hashed: shared by all threads.

A piece is first *empty*, then *filled* by the connections, then *settled*: its digest was measured
from what lies on the disk. Pieces that an older journal names begin as filled *claims*; a claim
whose bytes do not have the promised digest becomes empty again.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from registry.domain.pieces import PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Parcel:
    """A whole piece that is still in memory, though it lies on the disk already.

    Attributes:
        piece: Its bytes.
        release: Gives the memory back.
    """

    piece: memoryview
    release: Callable[[], None]


class Coverage:
    """The state of every piece; all methods may be called from any thread.

    Args:
        size_bytes: Length of the file; None until `close` tells it.
        claims: Digests of pieces that should be there already.
        lost: Called with the borders of a piece whose claim turned out wrong.
    """

    def __init__(
        self,
        size_bytes: int | None,
        *,
        claims: Mapping[int, str] | None = None,
        lost: Callable[[int, int], None] | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self.changed = threading.Condition()
        self.piece_bytes = piece_bytes
        self._size = size_bytes
        self._claims = dict(claims or {})
        self._lost = lost
        self._digests: dict[int, str] = {}
        self._filled: dict[int, int] = {}
        self._ready = set(self._claims)
        self._parcels: dict[int, Parcel] = {}
        self._in_order = 0
        self._stopped = False

    @property
    def size_bytes(self) -> int | None:
        """Length of the file, once known."""
        return self._size

    def span(self, index: int) -> tuple[int, int]:
        """Borders of piece `index`, as far as the file's length is known."""
        begin = index * self.piece_bytes
        end = begin + self.piece_bytes
        return begin, end if self._size is None else min(end, self._size)

    @property
    def in_order(self) -> int:
        """The piece that the hashes of the whole file wait for."""
        return self._in_order

    def arrive(self, begin: int, count: int, parcel: Parcel | None = None) -> None:
        """Note that `count` bytes from `begin` on lie in the file now.

        Whoever still has them in memory, as one whole piece, hands them on in a parcel.
        """
        with self.changed:
            if parcel is not None:
                self._parcels[begin // self.piece_bytes] = parcel
            end = begin + count
            while begin < end:
                index = begin // self.piece_bytes
                low, high = self.span(index)
                part = min(end, high) - begin
                self._filled[index] = self._filled.get(index, 0) + part
                if self._filled[index] == high - low:
                    del self._filled[index]
                    self._ready.add(index)
                    self.changed.notify_all()
                begin += part

    def close(self, size_bytes: int) -> None:
        """Say how long the file is, now that the stream has ended."""
        with self.changed:
            self._size = size_bytes
            last = size_bytes // self.piece_bytes
            if last in self._filled:
                del self._filled[last]
                self._ready.add(last)
            self.changed.notify_all()

    def wake(self, _: object = None) -> None:
        """Let everybody look again: something happened elsewhere."""
        with self.changed:
            self.changed.notify_all()

    def stop(self) -> None:
        """Send everybody home who waits here."""
        with self.changed:
            self._stopped = True
            self.changed.notify_all()

    def next_to_hash(self, in_order: int) -> int | None:
        """Wait for a piece to hash: `in_order` first, else any that has no digest yet.

        Returns:
            None when `in_order` lies behind the end, or when we stop.
        """
        with self.changed:
            self._in_order = in_order
            while not self._stopped and not self._is_behind_end(in_order):
                if in_order in self._digests or in_order in self._ready:
                    return in_order
                if self._ready:
                    return min(self._ready)
                self.changed.wait()
            return None

    def parcel(self, index: int) -> Parcel | None:
        """The piece as it is in memory, if it is; who takes it releases it."""
        with self.changed:
            return self._parcels.pop(index, None)

    def settle(self, index: int, digest: str) -> bool:
        """Note the digest of a piece as it lies on the disk.

        Returns:
            False if a journal promised another one: the piece is empty again.
        """
        with self.changed:
            self._ready.discard(index)
            claim = self._claims.pop(index, None)
            if claim is None or claim == digest:
                self._digests[index] = digest
                self.changed.notify_all()
                return True
        if self._lost is not None:
            self._lost(*self.span(index))
        self.wake()
        return False

    def is_settled(self, index: int) -> bool:
        """Whether the piece has its digest."""
        return index in self._digests

    def leftovers(self) -> list[int]:
        """Pieces that arrived and have no digest yet, when everybody was sent home early."""
        with self.changed:
            return sorted(self._ready - self._claims.keys())

    def digests(self) -> dict[int, str]:
        """What a journal may name: every settled piece, and the claims not yet looked at."""
        with self.changed:
            return self._claims | self._digests

    def _is_behind_end(self, index: int) -> bool:
        return self._size is not None and index * self.piece_bytes >= self._size
