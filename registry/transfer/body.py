"""The bytes of one answer, read in large gulps.

httpx brings the connection, the redirects, TLS and the headers. Where the body is nothing but the
file's bytes, it is read straight from the socket that httpx's documented `network_stream`
extension names: h11 reads 64 KiB at a time, which costs twice the CPU. The connection is closed
after such a body, because httpx cannot know how much of it was taken.
"""

import contextlib
import socket
import ssl
import struct
import sys
import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_READ, _SMALLEST_READ = 4 * 1024 * 1024, 64 * 1024
_OWN_BUFFER = 1024 * 1024
# Short bodies are left to httpx, which can keep their connections alive.
_SHORT_BODY = 2 * 1024 * 1024
_SWIFT_S = 0.05
_RECORDS, _RECORD_BYTES = 64, 16 * 1024


class LineLost(Exception):
    """A connection ended before its bytes did.

    Attributes:
        because: What happened, in words.
        stalled: It brought (almost) nothing for too long.
    """

    def __init__(self, because: str, *, stalled: bool = False) -> None:
        super().__init__(because)
        self.because = because
        self.stalled = stalled


class Body:
    """Reads one answer's body; used by one thread.

    Args:
        response: An open, streamed response.
        length: How many bytes will come, None if nobody says.
        decode: The body is encoded, and httpx shall decode it.
        stall_s: How long nothing may come.
        lowest_bytes_per_s: What must come in that time on average.
    """

    def __init__(
        self,
        response: httpx.Response,
        *,
        length: int | None,
        decode: bool,
        stall_s: float,
        lowest_bytes_per_s: int,
    ) -> None:
        self._response = response
        self._chunks: Iterator[bytes] = response.iter_bytes() if decode else response.iter_raw()
        self._held = memoryview(b"")
        self._left = None if decode else length
        self._stall_s = stall_s
        self._lowest = lowest_bytes_per_s
        self._waited_s, self._got = 0.0, 0
        self._stream = response.extensions.get("network_stream")
        self._socket: socket.socket | None = None
        self._may_gulp = self._left is not None and self._left > _SHORT_BODY
        self._buffer = memoryview(b"")
        self._gulp = _SMALLEST_READ

    @property
    def left(self) -> int | None:
        """How many bytes are still to come, where the server said so."""
        return self._left

    def peek(self, count: int) -> bytes:
        """The first bytes, which stay to be read; fewer only if the body is shorter.

        Raises:
            LineLost: The connection broke, stalled, or crawled.
        """
        held = bytes(self._held)
        count = count if self._left is None else min(count, self._left)
        begun = time.monotonic()
        while len(held) < count and (more := self._next_chunk()):
            held += more
            if len(held) < count:
                self._refuse_to_crawl(len(held), time.monotonic() - begun)
        self._held = memoryview(held)
        return held[:count]

    def read(self, at_most: int) -> memoryview:
        """The next bytes, at most so many; empty at the end. Valid until the next call.

        Raises:
            LineLost: The connection broke, stalled, or crawled.
        """
        if not self._buffer:
            self._buffer = memoryview(bytearray(_OWN_BUFFER))
        return self._buffer[: self.read_into(self._buffer[:at_most])]

    def read_into(self, buffer: memoryview) -> int:
        """Put the next bytes into `buffer`; how many came, 0 at the end.

        Raises:
            LineLost: The connection broke, stalled, or crawled.
        """
        if self._left == 0:
            return 0
        begun = time.monotonic()
        if not self._held and self._socket is None:
            self._held = memoryview(self._next_chunk())
            self._may_gulp = self._may_gulp and self._take_socket()
        if self._held or self._socket is None:
            count = min(len(self._held), len(buffer))
            buffer[:count], self._held = self._held[:count], self._held[count:]
        else:
            count = self._receive(buffer[: self._gulp], self._socket)
        self._note(count, time.monotonic() - begun)
        if self._left == 0 and self._socket is None and not self._held:
            self._end()
        return count

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(httpx.HTTPError, OSError):
            self._response.close()

    def cut(self) -> None:
        """Break the connection off, from another thread; a waiting read ends at once."""
        line = self._stream and self._stream.get_extra_info("socket")
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _next_chunk(self) -> bytes:
        try:
            for chunk in self._chunks:
                if chunk:
                    return chunk
        except httpx.TimeoutException as error:
            raise LineLost(f"nothing came for {self._stall_s:.0f} seconds", stalled=True) from error
        except httpx.DecodingError as error:
            raise LineLost("the body could not be decoded") from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise LineLost(str(error) or type(error).__name__) from error
        return b""

    def _end(self) -> None:
        """Let httpx see the end of a body that it read, so that it keeps the connection."""
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError, StopIteration):
            next(self._chunks)

    def _take_socket(self) -> bool:
        """Take over the socket; only when h11 holds nothing back, so after its first chunk."""
        if self._stream is None:
            return False
        line = self._stream.get_extra_info("socket")
        inner = self._stream.get_extra_info("ssl_object")
        # TLS inside TLS (an https proxy): the socket would give us the outer bytes.
        if not isinstance(line, socket.socket) or isinstance(inner, ssl.SSLObject):
            return False
        if isinstance(line, ssl.SSLSocket) is not (self._response.url.scheme == "https"):
            return False
        if sys.platform == "win32":
            line.settimeout(self._stall_s)
        else:
            line.settimeout(None)
            seconds, part = divmod(self._stall_s, 1)
            wait = struct.pack("ll", int(seconds), max(int(part * 1_000_000), 1))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        self._socket = line
        return True

    def _receive(self, buffer: memoryview, line: socket.socket) -> int:
        begun = time.monotonic()
        try:
            if isinstance(line, ssl.SSLSocket) or sys.platform == "win32":
                count = _fill(buffer, line, begun)
            else:
                count = line.recv_into(buffer, len(buffer), socket.MSG_WAITALL)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError) as error:
            raise LineLost(f"nothing came for {self._stall_s:.0f} seconds", stalled=True) from error
        except (OSError, ValueError) as error:
            raise LineLost(str(error) or type(error).__name__) from error
        if count == 0:
            raise LineLost("the server closed the connection too early")
        swift = time.monotonic() - begun < _SWIFT_S
        self._gulp = min(self._gulp * 2, _LARGEST_READ) if swift else self._gulp
        return count

    def _note(self, count: int, waited_s: float) -> None:
        """Give up a connection that is alive only in name."""
        if self._left is not None:
            self._left -= count
        self._got += count
        self._waited_s += waited_s
        if self._waited_s >= self._stall_s:
            if self._left != 0:
                self._refuse_to_crawl(self._got, self._waited_s)
            self._waited_s, self._got = 0.0, 0

    def _refuse_to_crawl(self, got: int, waited_s: float) -> None:
        if waited_s >= self._stall_s and got < self._lowest * waited_s:
            raise LineLost(f"only {got} bytes came in {waited_s:.0f} seconds", stalled=True)


def _fill(buffer: memoryview, line: socket.socket, begun: float) -> int:
    """Read until the buffer is full, the stream ends, or it takes long."""
    count, wanted = 0, len(buffer)
    while count < wanted:
        # TLS gives a record of 16 KiB at a time: 64 of them between two looks at the clock.
        for _ in range(_RECORDS):
            got = line.recv_into(buffer[count:])
            count += got
            if got < _RECORD_BYTES or count == wanted:
                break
        if got == 0 or time.monotonic() - begun > _SWIFT_S:
            break
    return count
