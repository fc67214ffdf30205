"""Which addresses we speak to.

A public address must not lead us to a private one: a redirect to 127.0.0.1 or 169.254.169.254
would make us the errand boy of whoever published the link. Names are checked when they are read,
and the peer again when it is connected, before anything is sent, because a name may mean another
machine a moment later.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from registry.domain.source import Download
from registry.errors import RefusedAddress, UnprovenDownload
from registry.transfer.journal import lasting_name

_SCHEMES = frozenset({"http", "https"})
_LONGEST_LOCATION = 8 * 1024
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_first(download: Download, *, can_prove: bool) -> bool:
    """Check the address that the user or a hub gave.

    Returns:
        Whether private addresses are allowed on this way: only when the user gave this one
        knowingly and it is itself private.

    Raises:
        RefusedAddress: It is not http or https, or is private though nobody typed it.
        UnprovenDownload: Plain http, and no hash that would prove what comes.
    """
    shown = lasting_name(download.source)
    url = _parse(download.url, shown)
    private = _leads_home(url.host) if download.trusted else _is_private_name(url.host)
    if private and not download.trusted:
        raise RefusedAddress(_shown(url), "it is a private address")
    if url.scheme == "http" and not private and not can_prove:
        raise UnprovenDownload(shown, "http:// can be changed on the way, and no hash is known")
    return private


def follow(origin: httpx.URL, location: str, *, allow_private: bool) -> httpx.URL:
    """Where a redirect leads, if we may go there.

    Raises:
        RefusedAddress: We do not go there.
    """
    if len(location) > _LONGEST_LOCATION:
        raise RefusedAddress(_shown(origin), "it redirects to an address that is too long")
    try:
        target = origin.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise RefusedAddress(_shown(origin), "it redirects to no address at all") from error
    target = _parse(str(target), _shown(origin))
    if origin.scheme == "https" and target.scheme == "http":
        raise RefusedAddress(_shown(target), "an https:// address redirects to it")
    if not allow_private and _is_private_name(target.host):
        raise RefusedAddress(_shown(target), "a public address redirects to this private one")
    return target.copy_with(username=None, password=None, fragment=None)


class PeerCheck:
    """Watches one request and breaks it off when the connected machine is a private one.

    It is httpx's `trace` extension: called when the connection stands and before a byte is sent
    on it. Connections to a proxy are the proxy's own business.

    Args:
        host: The host that was asked for.
        allow_private: Watch nothing.
        connected: Hears about the socket, so that somebody can break it off.
    """

    def __init__(
        self,
        host: str,
        *,
        allow_private: bool,
        connected: Callable[[socket.socket], None] | None = None,
    ) -> None:
        self._host = host
        self._allow_private = allow_private
        self._connected = connected
        self._is_direct = True

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Look at the connection that was just made.

        Raises:
            RefusedAddress: The machine at its other end is a private one.
        """
        if event == "connection.connect_tcp.started":
            self._is_direct = str(info["host"]).strip("[]") == self._host.strip("[]")
        elif event == "connection.connect_tcp.complete" and not self._allow_private:
            stream = info["return_value"]
            peer = str(stream.get_extra_info("server_addr")[0])
            if self._is_direct and _is_private_ip(peer):
                stream.close()
                raise RefusedAddress(f"{self._host} ({peer})", "it is a private address")
        if event in _CONNECTED and self._connected is not None:
            self._connected(info["return_value"].get_extra_info("socket"))


def is_private(url: str) -> bool:
    """Whether an address names this machine or one near it, or no machine at all, by its form.

    Example:
        >>> is_private("http://192.168.1.1/reboot"), is_private("https://example.org/a.pt")
        (True, False)
    """
    try:
        return _is_private_name(httpx.URL(url).host or "localhost")
    except (httpx.InvalidURL, ValueError):
        return True


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: what a token belongs to."""
    default = 443 if url.scheme == "https" else 80
    return url.scheme, url.host.lower(), url.port or default


def _parse(text: str, shown: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise RefusedAddress(shown, "it is not an address") from error
    if url.scheme not in _SCHEMES:
        raise RefusedAddress(_shown(url), f"we do not speak {url.scheme or 'that'}")
    if not url.host:
        raise RefusedAddress(shown, "it names no host")
    return url


def _shown(url: httpx.URL) -> str:
    """The address without its secrets: signed addresses carry them in the query."""
    bare = url.copy_with(username=None, password=None, query=None, fragment=None)
    return str(bare)[:200]


def _leads_home(host: str) -> bool:
    if _is_private_name(host):
        return True
    with contextlib.suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return bool(found) and all(_is_private_ip(str(entry[4][0])) for entry in found)
    return False


def _is_private_name(host: str) -> bool:
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return _is_private_ip(name)
    # Old forms such as 2130706433, 0x7f.1 and 0177.0.0.1 mean 127.0.0.1 to the system.
    with contextlib.suppress(OSError):
        return _is_private_ip(socket.inet_ntoa(socket.inet_aton(name)))
    return False


def _is_private_ip(text: str) -> bool:
    ip = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_private_ip(str(inner))
    return not ip.is_global or ip.is_multicast
