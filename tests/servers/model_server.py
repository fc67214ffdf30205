"""A real HTTP server on loopback that serves named files and misbehaves on request.

with ModelServer() as server:
    server.serve("model.safetensors", content, drop_every=256 * 1024)
    fetch(server.url("model.safetensors"))
    assert server.sent_bytes("model.safetensors") < 2 * len(content)
"""

import contextlib
import gzip
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_SEND_BYTES = 64 * 1024


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]

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
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    times: int | None = None


@dataclass(frozen=True)
class Manners:
    """How one file is served. The defaults are those of a good server.

    Attributes:
        etag: None sends none; may be a callable of the number of requests so far.
        ranges: False answers every range with 200 and the whole file.
        if_range: Honour If-Range.
        total_said: The total in Content-Range, where it is a lie; "*" hides it.
        begin_shift: Added to the start that Content-Range says.
        body_shift: The bytes sent begin so much later than those asked for.
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
        redirect: Location of a redirect; may be a callable of the number of requests so far.
        redirect_status: Its status.
        troubles: Error answers, tried in order.
        headers: More headers, which win.
    """

    etag: str | Callable[[int], str | None] | None = '"v1"'
    last_modified: str | None = None
    content_type: str = "application/octet-stream"
    ranges: bool = True
    if_range: bool = True
    total_said: int | str | None = None
    begin_shift: int = 0
    body_shift: int = 0
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
    redirect: str | Callable[[int], str] | None = None
    redirect_status: int = 302
    troubles: tuple[Trouble, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Served:
    content: bytes
    manners: Manners
    requests: int = 0
    sent: int = 0
    cuts: int = 0
    stalls: int = 0
    active: int = 0
    most_active: int = 0
    troubles: dict[int, int] = field(default_factory=dict)


class ModelServer:
    """Serves on 127.0.0.1, or on another loopback address, at a free port."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self._files: dict[str, _Served] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._http = _Server((host, 0), _handler_for(self))
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; connections in use are broken off."""
        if not self.closing.is_set():
            self.closing.set()
            self._http.shutdown()
            self._http.break_off()
            self._http.server_close()

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        host, port = self._http.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def serve(self, name: str, content: bytes, **manners: Any) -> str:
        """Serve `content` under `name`; returns its URL."""
        self._files[name] = _Served(content, Manners(**manners))
        return self.url(name)

    def change(self, name: str, content: bytes | None = None, **manners: Any) -> None:
        """Serve it differently from now on."""
        served = self._files[name]
        served.manners = replace(served.manners, **manners)
        if content is not None:
            served.content = content

    def url(self, name: str) -> str:
        """Address of a file."""
        return f"{self.address}/{name}"

    def seen(self, name: str) -> list[Seen]:
        """The requests for a file."""
        return [seen for seen in list(self.requests) if seen.path.partition("?")[0] == f"/{name}"]

    def sent_bytes(self, name: str) -> int:
        """How many bytes of bodies were sent for it."""
        return self._files[name].sent

    def most_connections(self, name: str) -> int:
        """How many bodies of it were sent at the same time."""
        return self._files[name].most_active

    # The handler's side.

    def note(self, seen: Seen) -> "_Served | None":
        """Record a request and find what it asks for."""
        with self._lock:
            self.requests.append(seen)
            served = self._files.get(seen.path.partition("?")[0].lstrip("/"))
            if served is not None:
                served.requests += 1
            return served

    def trouble(self, served: "_Served") -> Trouble | None:
        """The error that is due for this request, if any."""
        with self._lock:
            for index, trouble in enumerate(served.manners.troubles):
                done = served.troubles.get(index, 0)
                if served.requests > trouble.after and (
                    trouble.times is None or done < trouble.times
                ):
                    served.troubles[index] = done + 1
                    return trouble
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self._sockets: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def break_off(self) -> None:
        for line in list(self._sockets):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Hangup(Exception):
    """End this connection now."""


def _handler_for(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        model_server = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    model_server: ModelServer
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        """Tests read `requests` instead."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers)
        served = self.model_server.note(seen)
        try:
            if served is None:
                self._short(HTTPStatus.NOT_FOUND, b'{"error":"File not found"}', {})
                return
            trouble = self.model_server.trouble(served)
            if trouble is not None:
                self._short(trouble.status, trouble.body, trouble.headers)
            elif served.manners.redirect is not None:
                self._redirect(served)
            else:
                self._file(served, seen)
        except (_Hangup, OSError):
            self.close_connection = True

    def _short(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _redirect(self, served: _Served) -> None:
        target = served.manners.redirect
        location = target(served.requests) if callable(target) else target
        self._short(served.manners.redirect_status, b"", {"Location": str(location)})

    def _file(self, served: _Served, seen: Seen) -> None:
        manners, size = served.manners, len(served.content)
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
        body = served.content[low : low + end - begin].ljust(end - begin, b"\0") + manners.more
        if manners.multipart and status == HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Type"] = "multipart/byteranges; boundary=x"
            body = b"--x\r\n\r\n" + body + b"\r\n--x--\r\n"
        if manners.encode:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        self._head(manners, status, headers, len(body))
        if self.command != "HEAD":
            self._send(served, body, begin)

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
        self.send_response(status)
        for name, value in {**headers, **manners.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, served: _Served, body: bytes, begin: int) -> None:
        manners = served.manners
        with self.model_server._lock:
            served.active += 1
            served.most_active = max(served.most_active, served.active)
        try:
            self._send_parts(served, manners, memoryview(body), begin)
            if manners.chunked:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            with self.model_server._lock:
                served.active -= 1

    def _send_parts(self, served: _Served, manners: Manners, body: memoryview, begin: int) -> None:
        done = 0
        begun = time.monotonic()
        while done < len(body):
            stop = min(len(body), done + _SEND_BYTES, self._trouble_at(served, begin, done))
            if stop <= done:
                self._misbehave(served, begin + done)
            part = body[done:stop]
            if manners.chunked:
                self.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
            else:
                self.wfile.write(part)
            with self.model_server._lock:
                served.sent += len(part)
            done = stop
            if manners.rate is not None:
                late = begun + done / manners.rate - time.monotonic()
                if late > 0 and self.model_server.closing.wait(late):
                    raise _Hangup

    def _trouble_at(self, served: _Served, begin: int, done: int) -> int:
        """The byte of this answer at which something goes wrong."""
        manners, at = served.manners, 1 << 62
        if manners.drop_every is not None:
            at = manners.drop_every
        if manners.cut_at is not None and (manners.cuts is None or served.cuts < manners.cuts):
            inside = manners.cut_at - begin
            at = min(at, inside) if inside >= done else at
        if manners.stall_at is not None and (
            manners.stalls is None or served.stalls < manners.stalls
        ):
            at = min(at, manners.stall_at)
        return at

    def _misbehave(self, served: _Served, at: int) -> None:
        manners = served.manners
        with self.model_server._lock:
            may_stall = manners.stalls is None or served.stalls < manners.stalls
            stalls = manners.stall_at is not None and may_stall
            served.stalls += stalls
            served.cuts += manners.cut_at == at
        if stalls:
            self.model_server.closing.wait(60)
        if manners.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        raise _Hangup
