"""How a file is served, and what goes wrong on the way: facts, nothing that acts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Seen:
    """One request as it arrived.

    Attributes:
        path: Without scheme and host, also where a proxy was asked for the whole address.
        asked: The target as it stood in the request line.
    """

    method: str
    path: str
    headers: dict[str, str]
    asked: str = ""

    @property
    def range(self) -> tuple[int, int | None] | None:
        """First and last byte asked for."""
        found = _RANGE.fullmatch(self.headers.get("range", ""))
        return (int(found[1]), int(found[2]) if found[2] else None) if found else None


@dataclass(frozen=True)
class Trouble:
    """One answer that is not the file.

    Attributes:
        after: Let so many requests for the file pass first.
        times: Then answer so many this way; None for ever.
        rate: Bytes of the body a second.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    times: int | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Manners:
    """How one file is served. The defaults are those of a good server.

    Attributes:
        etag: None sends none; may be a callable of the number of requests so far.
        ranges: False answers every range with 200 and the whole file.
        if_range: Honour If-Range.
        content: Other bytes than those that were published.
        total_said: The total in Content-Range, where it is a lie; "*" hides it.
        begin_shift: Added to the start that Content-Range says.
        body_shift: The bytes sent begin so much later than those asked for.
        flip_at: One bit of this byte of the file is turned over.
        length_said: Content-Length, where it is a lie; "" sends none.
        more: Bytes sent behind the right ones.
        cut_at: Close the connection when this byte of the file is reached ...
        cuts: ... so many times; None for ever.
        drop_every: Close the connection after so many bytes of each answer.
        reset: Close with RST instead of FIN.
        stall_at: Send nothing more from this byte of an answer on, `stalls` times.
        rate: Bytes a second of each connection.
        chunked: Chunked transfer coding without a length.
        encode: Compress with gzip, whatever the client accepts.
        multipart: Answer ranges as multipart/byteranges.
        http10: Speak HTTP/1.0.
        head_status: What a HEAD request gets instead of the head of the file.
        redirect: Location of a redirect; may be a callable of the number of requests so far.
        redirect_status: Its status.
        troubles: Error answers, tried in order.
        headers: More headers, which win; one with several values is sent several times.
        raw: These bytes instead of an answer, again and again while `raw_for_ever`.
        raw_rate: Bytes of them a second.
    """

    etag: str | Callable[[int], str | None] | None = '"v1"'
    last_modified: str | None = None
    content_type: str = "application/octet-stream"
    ranges: bool = True
    if_range: bool = True
    content: bytes | None = None
    total_said: int | str | None = None
    begin_shift: int = 0
    body_shift: int = 0
    flip_at: int | None = None
    length_said: int | str | None = None
    more: bytes = b""
    cut_at: int | None = None
    cuts: int | None = None
    drop_every: int | None = None
    reset: bool = False
    stall_at: int | None = None
    stalls: int | None = None
    rate: int | None = None
    chunked: bool = False
    encode: bool = False
    multipart: bool = False
    http10: bool = False
    head_status: int | None = None
    redirect: str | Callable[[int], str] | None = None
    redirect_status: int = 302
    troubles: tuple[Trouble, ...] = ()
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    raw: bytes | None = None
    raw_for_ever: bool = False
    raw_rate: float | None = None
