"""A real HTTP server on loopback that serves named files and misbehaves on request.

with ModelServer() as server:
    server.serve("model.safetensors", content, drop_every=256 * 1024)
    fetch(server.url("model.safetensors"))
    assert server.sent_bytes("model.safetensors") < 2 * len(content)

A list of faults is a script: the first request gets the first ones, the next the second ...

    server.serve("model.safetensors", content, script=[{"cut_at": 1000}, {"etag": '"v2"'}, {}])

It answers as a proxy would, too: a request for `http://models.example/model.safetensors` gets the
file of that name, whatever the host.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import ThreadingHTTPServer
from typing import Any, Self

from tests.servers.answering import Handler
from tests.servers.manners import Manners, Seen, Trouble

__all__ = ["Manners", "ModelServer", "Seen", "Trouble"]


@dataclass
class Served:
    """One file and what became of it so far.

    Attributes:
        script: What changes for the first request, for the second ...; the last stays.
    """

    content: bytes
    manners: Manners
    script: Sequence[Mapping[str, Any]] = ()
    requests: int = 0
    sent: int = 0
    cuts: int = 0
    stalls: int = 0
    active: int = 0
    most_active: int = 0
    troubles: dict[int, int] = field(default_factory=dict)

    def manners_now(self) -> Manners:
        """The manners of the request that was just noted."""
        if not self.script:
            return self.manners
        step = self.script[min(self.requests, len(self.script)) - 1]
        return replace(self.manners, **step)

    def trouble_at(self, manners: Manners, begin: int, done: int) -> int:
        """The byte of an answer from `begin` on at which something goes wrong next."""
        at = 1 << 62
        if manners.drop_every is not None:
            at = manners.drop_every
        if manners.cut_at is not None and (manners.cuts is None or self.cuts < manners.cuts):
            inside = manners.cut_at - begin
            at = min(at, inside) if inside >= done else at
        if manners.stall_at is not None and (
            manners.stalls is None or self.stalls < manners.stalls
        ):
            at = min(at, manners.stall_at)
        return at


class ModelServer:
    """Serves on 127.0.0.1, or on another loopback address, at a free port.

    Args:
        host: Where to listen.
        tls: Speak HTTPS with these certificates.
        sent: Hears after every write how many bytes of bodies went out so far.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        sent: Callable[[int], object] | None = None,
    ) -> None:
        self.requests: list[Seen] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.files: dict[str, Served] = {}
        self._sent_bytes, self._hears_sent = 0, sent
        handler = type("HandlerOfThis", (Handler,), {"model_server": self})
        self._http = _Server((host, 0), handler)
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
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"{self._scheme}://{self._http.server_address[0]!s}:{self.port}"

    def serve(
        self, name: str, content: bytes, *, script: Sequence[Mapping[str, Any]] = (), **manners: Any
    ) -> str:
        """Serve `content` under `name`; returns its URL."""
        self.files[name] = Served(content, Manners(**manners), script)
        return self.url(name)

    def change(self, name: str, content: bytes | None = None, **manners: Any) -> None:
        """Serve it differently from now on."""
        served = self.files[name]
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
        return self.files[name].sent

    def most_connections(self, name: str) -> int:
        """How many bodies of it were sent at the same time."""
        return self.files[name].most_active

    # ── the handler's side ────────────────────────────────────────────────────────────────────────

    def note(self, seen: Seen) -> Served | None:
        """Record a request and find what it asks for."""
        with self.lock:
            self.requests.append(seen)
            served = self.files.get(seen.path.partition("?")[0].lstrip("/"))
            if served is not None:
                served.requests += 1
            return served

    def trouble(self, served: Served, manners: Manners) -> Trouble | None:
        """The error that is due for this request, if any."""
        with self.lock:
            for index, trouble in enumerate(manners.troubles):
                done = served.troubles.get(index, 0)
                if served.requests > trouble.after and (
                    trouble.times is None or done < trouble.times
                ):
                    served.troubles[index] = done + 1
                    return trouble
        return None

    def count(self, served: Served, sent: int) -> None:
        """Note that bytes of a body went out."""
        with self.lock:
            served.sent += sent
            self._sent_bytes += sent
            so_far = self._sent_bytes
        if self._hears_sent is not None:
            self._hears_sent(so_far)


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
