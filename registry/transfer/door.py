"""The HTTP clients of one downloader."""

import http.cookiejar
import logging
import threading
import weakref
from typing import TYPE_CHECKING

import httpx

from registry.errors import InvalidSettings
from registry.transfer.lines import Lines
from registry.transfer.options import TransferOptions

if TYPE_CHECKING:
    import ssl

LOCATION = "sdreg.location"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Door:
    """The HTTP clients of one downloader: one for public addresses, one that may go home.

    They are kept apart so that no pooled connection to a private machine is used on a way that
    must not lead there.
    """

    def __init__(self, options: TransferOptions) -> None:
        self.options = options
        self.lines = Lines(max(options.connections, options.connections_per_host))
        self.slow_hosts: set[str] = set()
        self._clients: dict[bool, httpx.Client] = {}
        # Nobody has to close a door: its connections end with it.
        weakref.finalize(self, _close_all, self._clients)
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def client(self, *, allow_private: bool) -> httpx.Client:
        """The client for this kind of way, made on first use.

        Raises:
            InvalidSettings: The environment names a proxy or certificates that cannot be used.
        """
        with self._lock:
            if allow_private not in self._clients:
                self._clients[allow_private] = self._make()
            return self._clients[allow_private]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            _close_all(self._clients)

    def _make(self) -> httpx.Client:
        for chatty in ("httpx", "httpcore"):  # they log addresses with their signatures
            logging.getLogger(chatty).setLevel(logging.WARNING)
        if self._tls is None:
            self._tls = _trusted()
        jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        try:
            return httpx.Client(
                verify=self._tls,
                cookies=jar,
                headers={"User-Agent": self.options.user_agent, "Accept": "*/*"},
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
                mounts={f"all://{host}": None for host in _LOOPBACK},  # never through a proxy
                follow_redirects=False,
                event_hooks={"response": [_hide_location]},
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            because = "names a proxy of a kind that sdreg does not speak; http:// is one it does"
            raise InvalidSettings("HTTPS_PROXY", because, "the environment") from error


def _close_all(clients: dict[bool, httpx.Client]) -> None:
    for client in clients.values():
        client.close()
    clients.clear()


def _trusted() -> "ssl.SSLContext":
    """Whom to trust; SSL_CERT_FILE and SSL_CERT_DIR are honoured."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        because = "names nothing that certificates can be read from"
        raise InvalidSettings("SSL_CERT_FILE", because, "the environment") from error


def _hide_location(response: httpx.Response) -> None:
    # httpx would parse it even though it shall not follow it, and break on hostile ones.
    location = response.headers.pop("location", None)
    if location is not None:
        response.extensions[LOCATION] = location
