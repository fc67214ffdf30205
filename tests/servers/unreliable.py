"""Content that a server sends damaged, as often as planned; give it to `ModelServer.serve`."""

import threading
from collections.abc import Mapping


class Unreliable:
    """Bytes of which some come turned over, by a line, a cache or a proxy that says nothing.

    Args:
        content: The right bytes.
        flips: Which reads of the byte at an offset are damaged, counted from 1; None for all.
        alike: Damage is the same each time; else no two damaged reads are alike.
    """

    def __init__(
        self, content: bytes, flips: Mapping[int, set[int] | None], *, alike: bool = True
    ) -> None:
        self._content = content
        self._flips = flips
        self._alike = alike
        self._reads = dict.fromkeys(flips, 0)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, span: slice) -> bytes:
        begin, end, _ = span.indices(len(self._content))
        part = bytearray(self._content[span])
        with self._lock:
            for at, reads in self._flips.items():
                if begin <= at < end:
                    self._reads[at] += 1
                    if reads is None or self._reads[at] in reads:
                        part[at - begin] ^= 1 if self._alike else self._reads[at]
        return bytes(part)


class ShiftedRanges:
    """Content that comes five bytes too late unless it is asked for from its beginning.

    This is what the CDN of FAULTS.md, row 4, does.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, span: slice) -> bytes:
        begin, end, _ = span.indices(len(self._content))
        late = 5 if begin else 0
        return self._content[begin + late : end + late].ljust(end - begin, b"\0")
