"""The storage behind the embedded hub, and how any of its answers is written."""

import hashlib
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

from registry.demo.hub_bytes import span_wanted
from registry.demo.hub_contents import HostedFile
from registry.demo.hub_state import HubState


class HubServer(ThreadingHTTPServer):
    """One thread per connection; open connections end with the server."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: HubState, handler: type[BaseHTTPRequestHandler]) -> None:
        self.hub = hub
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Remember the connection, then let a thread have it."""
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        """Forget the connection."""
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def break_off(self) -> None:
        """End every open connection."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client goes away in the middle."""


class StorageHandler(BaseHTTPRequestHandler):
    """One connection, so far as it is about bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "sdreg-embedded-hub"
    sys_version = ""
    disable_nagle_algorithm = True
    server: HubServer

    @property
    def hub(self) -> HubState:
        """What is served."""
        return self.server.hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's word
        """Say nothing."""

    # ── the storage ───────────────────────────────────────────────────────────────────────────────

    def signed(self, file: HostedFile, seconds: int) -> str:
        """An address in the storage that ends after so many seconds."""
        number = self.hub.files.index(file)
        expires = int(time.time()) + seconds
        query = urlencode({"Expires": expires, "Signature": self._signature(number, expires)})
        return f"{self.hub.storage}/storage/{number}/{quote(file.name)}?{query}"

    def _signature(self, number: int, expires: int) -> str:
        text = f"{self.hub.signing_key} {number} {expires}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def storage(self, number: str, asked: dict[str, str]) -> None:
        """Answer for a signed address."""
        expires = int(asked.get("Expires", "0"))
        signed = asked.get("Signature") == self._signature(int(number), expires)
        if "authorization" in self.headers:
            # Storages that know S3 refuse two ways of being authorised at once.
            self._xml(400, "InvalidArgument", "Only one auth mechanism allowed")
        elif not signed or expires < time.time():
            self._xml(403, "AccessDenied", "Request has expired")
        else:
            file = self.hub.files[int(number)]
            name = file.name.replace('"', "'")
            told = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
            self.send(file, f'"{file.sha256[:32]}"', told)

    def send(self, file: HostedFile, etag: str, told: dict[str, str]) -> None:
        """The bytes that were asked for, and whatever goes wrong with them."""
        span = span_wanted(
            self.headers.get("Range"),
            self.headers.get("If-Range"),
            etag=etag,
            size_bytes=file.size_bytes,
        )
        if span is None:
            self.head(416, {"Content-Range": f"bytes */{file.size_bytes}"}, 0)
            return
        told = {**told, "ETag": etag, "Accept-Ranges": "bytes"}
        told["Content-Type"] = "application/octet-stream"
        if span.is_part:
            last = span.begin + span.count - 1
            told["Content-Range"] = f"bytes {span.begin}-{last}/{file.size_bytes}"
        self.head(206 if span.is_part else 200, told, span.count)
        if self.command == "HEAD" or not span.count:
            return
        damage = self.hub.damage_for(file, span)
        if damage is None and isinstance(file.content, Path):
            with file.content.open("rb") as content:
                self.connection.sendfile(content, span.begin, span.count)
            return
        at = span.begin
        for chunk in file.read(span.begin, span.count):
            sent, is_last = damage.apply(chunk, at) if damage else (chunk, False)
            self.wfile.write(sent)
            if is_last:
                self.close_connection = True
                return
            at += len(chunk)

    # ── plain answers ─────────────────────────────────────────────────────────────────────────────

    def has_token(self) -> bool:
        """Whether the hub's token was sent."""
        sent = self.headers.get("Authorization")
        return self.hub.token is not None and sent == f"Bearer {self.hub.token}"

    def tell(self, status: int, answer: object, told: dict[str, str] | None = None) -> None:
        """A whole answer in JSON."""
        body = json.dumps(answer).encode()
        self.head(status, {"Content-Type": "application/json", **(told or {})}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _xml(self, status: int, code: str, message: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.head(status, {"Content-Type": "application/xml"}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, told: dict[str, str], length: int) -> None:
        """Status and headers; a body of so many bytes follows."""
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
