"""A proxy on loopback for https: it opens tunnels, or says no."""

import contextlib
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class TunnelProxy:
    """Answers CONNECT. Host names lead where `routes` says: it is the whole internet at once.

    Args:
        routes: Host name to port on 127.0.0.1.
        refuse: Answer with this status instead.
    """

    def __init__(self, routes: Mapping[str, int], *, refuse: int | None = None) -> None:
        self.asked: list[str] = []
        self._routes, self._refuse = routes, refuse
        handler = type("HandlerOfThis", (_Handler,), {"proxy": self})
        self._http = _Quiet(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        """As it stands in HTTPS_PROXY."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def open(self, target: str) -> socket.socket | int:
        """The line to `target`, or the status that refuses it."""
        self.asked.append(target)
        port = self._routes.get(target.rpartition(":")[0])
        if self._refuse is not None or port is None:
            return self._refuse or 502
        return socket.create_connection(("127.0.0.1", port))


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    proxy: TunnelProxy

    def log_message(self, *args: Any) -> None:
        """Tests read `asked` instead."""

    def do_CONNECT(self) -> None:
        line = self.proxy.open(self.path)
        if isinstance(line, int):
            self.send_error(line)
            return
        self.send_response(200)
        self.end_headers()
        back = threading.Thread(target=_pour, args=(line, self.connection), daemon=True)
        with line:
            back.start()
            _pour(self.connection, line)
            back.join()


def _pour(source: socket.socket, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            into.sendall(data)
    for line in (source, into):
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
