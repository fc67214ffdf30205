"""The handler of the server that misbehaves: one request, answered with the file's manners."""

import gzip
import itertools
import socket
import struct
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.servers.manners import Manners, Seen

if TYPE_CHECKING:
    from tests.servers.model_server import ModelServer, Served

_SEND_BYTES = 64 * 1024


class Hangup(Exception):
    """End this connection now."""


class Handler(BaseHTTPRequestHandler):
    """Answers for one server; `ModelServer` derives a class that knows which."""

    model_server: "ModelServer"
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Tests read `requests` instead."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        target = urlsplit(self.path)
        path = target.path + (f"?{target.query}" if target.query else "")
        seen = Seen(self.command, path, headers, self.path)
        served = self.model_server.note(seen)
        try:
            if served is None:
                self._short(HTTPStatus.NOT_FOUND, b'{"error":"File not found"}', {})
            else:
                self._answer(served, served.manners_now(), seen)
        except (Hangup, OSError):
            self.close_connection = True

    def _answer(self, served: "Served", manners: Manners, seen: Seen) -> None:
        trouble = self.model_server.trouble(served, manners)
        if trouble is not None:
            self._short(trouble.status, trouble.body, trouble.headers, rate=trouble.rate)
        elif manners.raw is not None:
            self._raw(manners)
        elif manners.redirect is not None:
            target = manners.redirect
            location = target(served.requests) if callable(target) else target
            self._short(manners.redirect_status, b"", {"Location": str(location)})
        elif manners.head_status is not None and self.command == "HEAD":
            self._short(manners.head_status, b"", {})
        else:
            self._file(served, manners, seen)

    # ── answers that are not the file ─────────────────────────────────────────────────────────────

    def _short(
        self, status: int, body: bytes, headers: dict[str, str], *, rate: float | None = None
    ) -> None:
        self._begin(status, {"Content-Length": str(len(body)), **headers})
        if self.command == "HEAD":
            return
        if rate is None:
            self.wfile.write(body)
        else:
            self._drip(body, rate)

    def _raw(self, manners: Manners) -> None:
        assert manners.raw is not None
        for _ in itertools.count() if manners.raw_for_ever else range(1):
            if manners.raw_rate is None:
                self.wfile.write(manners.raw)
            else:
                self._drip(manners.raw, manners.raw_rate)
            if self.model_server.closing.is_set():
                break
        raise Hangup

    def _drip(self, text: bytes, rate: float) -> None:
        for position in range(len(text)):
            self.wfile.write(text[position : position + 1])
            if self.model_server.closing.wait(1 / rate):
                raise Hangup

    # ── the file ──────────────────────────────────────────────────────────────────────────────────

    def _file(self, served: "Served", manners: Manners, seen: Seen) -> None:
        content = served.content if manners.content is None else manners.content
        size = len(content)
        etag = manners.etag(served.requests) if callable(manners.etag) else manners.etag
        begin, end, status = self._span(manners, seen, etag, size)
        headers = {"Content-Type": manners.content_type, "Accept-Ranges": "bytes"}
        if not manners.ranges:
            del headers["Accept-Ranges"]
        if etag is not None:
            headers["ETag"] = etag
        if manners.last_modified is not None:
            headers["Last-Modified"] = manners.last_modified
        total = size if manners.total_said is None else manners.total_said
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._short(status, b"", {**headers, "Content-Range": f"bytes */{total}"})
            return
        if status == HTTPStatus.PARTIAL_CONTENT:
            said = begin + manners.begin_shift
            headers["Content-Range"] = f"bytes {said}-{end - 1 + manners.begin_shift}/{total}"
        low = min(begin + manners.body_shift, size)
        body = content[low : low + end - begin].ljust(end - begin, b"\0") + manners.more
        if manners.flip_at is not None and begin <= manners.flip_at < end:
            at = manners.flip_at - begin
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        if manners.multipart and status == HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Type"] = "multipart/byteranges; boundary=x"
            body = b"--x\r\n\r\n" + body + b"\r\n--x--\r\n"
        if manners.encode:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        self._head(manners, status, headers, len(body))
        if self.command != "HEAD":
            self._send(served, manners, body, begin)

    def _span(
        self, manners: Manners, seen: Seen, etag: str | None, size: int
    ) -> tuple[int, int, int]:
        asked = seen.range
        if_range = seen.headers.get("if-range")
        same = if_range in (None, etag, manners.last_modified)
        if asked is None or not manners.ranges or (manners.if_range and not same):
            return 0, size, HTTPStatus.OK
        begin, last = asked
        if begin >= size:
            return 0, 0, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return begin, size if last is None else min(last + 1, size), HTTPStatus.PARTIAL_CONTENT

    def _head(self, manners: Manners, status: int, headers: dict[str, str], length: int) -> None:
        if manners.http10:
            self.protocol_version = "HTTP/1.0"
            self.close_connection = True
        if manners.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif manners.length_said != "":
            said = length if manners.length_said is None else manners.length_said
            headers["Content-Length"] = str(said)
        if manners.length_said is not None or manners.more:
            headers["Connection"] = "close"
            self.close_connection = True
        self._begin(status, {**headers, **manners.headers})

    def _begin(self, status: int, headers: Mapping[str, str | tuple[str, ...]]) -> None:
        """Send the head; a Date among the headers is a lie about the time."""
        if "Date" in headers:
            self.send_response_only(status)
        else:
            self.send_response(status)
        for name, value in headers.items():
            for one in (value,) if isinstance(value, str) else value:
                self.send_header(name, one)
        self.end_headers()

    def _send(self, served: "Served", manners: Manners, body: bytes, begin: int) -> None:
        with self.model_server.lock:
            served.active += 1
            served.most_active = max(served.most_active, served.active)
        try:
            self._send_parts(served, manners, memoryview(body), begin)
            if manners.chunked:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            with self.model_server.lock:
                served.active -= 1

    def _send_parts(self, served: "Served", manners: Manners, body: memoryview, begin: int) -> None:
        done = 0
        begun = time.monotonic()
        while done < len(body):
            trouble_at = served.trouble_at(manners, begin, done)
            stop = min(len(body), done + _SEND_BYTES, trouble_at)
            if stop <= done:
                self._misbehave(served, manners, begin + done)
            part = body[done:stop]
            # Counted first: who has read it may ask at once how much was sent.
            self.model_server.count(served, len(part))
            if manners.chunked:
                self.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
            else:
                self.wfile.write(part)
            done = stop
            if manners.rate is not None:
                late = begun + done / manners.rate - time.monotonic()
                if late > 0 and self.model_server.closing.wait(late):
                    raise Hangup

    def _misbehave(self, served: "Served", manners: Manners, at: int) -> None:
        with self.model_server.lock:
            may_stall = manners.stalls is None or served.stalls < manners.stalls
            stalls = manners.stall_at is not None and may_stall
            served.stalls += stalls
            served.cuts += manners.cut_at == at
        if stalls:
            self.model_server.closing.wait(60)
        if manners.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        raise Hangup
