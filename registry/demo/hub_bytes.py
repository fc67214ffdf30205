"""Which bytes a request wants: decisions without I/O, after RFC 9110, sections 13 and 14."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file to send: from `begin`, so many.

    Attributes:
        is_part: It answers a range request.
    """

    begin: int
    count: int
    is_part: bool


def span_wanted(
    range_header: str | None, if_range: str | None, *, etag: str, size_bytes: int
) -> Span | None:
    """What to send; None if the range cannot be satisfied.

    A range of another form, or one that hangs on another ETag, means the whole file.

    Example:
        >>> span_wanted("bytes=10-", None, etag='"a"', size_bytes=100)
        Span(begin=10, count=90, is_part=True)
        >>> span_wanted("bytes=10-19", '"old"', etag='"new"', size_bytes=100)
        Span(begin=0, count=100, is_part=False)
        >>> span_wanted("bytes=100-", None, etag='"a"', size_bytes=100) is None
        True
    """
    whole = Span(0, size_bytes, is_part=False)
    found = _RANGE.fullmatch(range_header or "")
    if not found or not (found[1] or found[2]) or (if_range is not None and if_range != etag):
        return whole
    if not found[1]:
        count = min(int(found[2]), size_bytes)
        return Span(size_bytes - count, count, is_part=True) if count else None
    begin = int(found[1])
    end = min(int(found[2]), size_bytes - 1) if found[2] else size_bytes - 1
    if found[2] and int(found[2]) < begin:
        return whole
    return Span(begin, end - begin + 1, is_part=True) if begin < size_bytes else None


@dataclass(slots=True)
class Damage:
    """Something that goes wrong with the bytes of one file, so many times.

    Attributes:
        flip_at: This byte of the file arrives with all its bits turned.
        cut_at: The connection ends before this byte of the file.
        times: How often it still happens.
    """

    flip_at: int | None = None
    cut_at: int | None = None
    times: int = 1

    def hits(self, span: Span) -> bool:
        """Whether it happens to an answer with these bytes."""
        spots = (spot for spot in (self.flip_at, self.cut_at) if spot is not None)
        return self.times > 0 and any(
            span.begin <= spot < span.begin + span.count for spot in spots
        )

    def apply(self, chunk: bytes, at: int) -> tuple[bytes, bool]:
        """The chunk that begins at this byte of the file, as it is sent, and whether it ends it."""
        if self.flip_at is not None and at <= self.flip_at < at + len(chunk):
            spot = self.flip_at - at
            chunk = chunk[:spot] + bytes([chunk[spot] ^ 0xFF]) + chunk[spot + 1 :]
        if self.cut_at is not None and at <= self.cut_at < at + len(chunk):
            return chunk[: self.cut_at - at], True
        return chunk, False
