"""Send one request: when its host has room, to the first address that answers, within limits."""

import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from registry.domain.certificates import why_untrusted
from registry.errors import ConnectionLost
from registry.transfer import addresses
from registry.transfer.body import LineLost
from registry.transfer.door import Door
from registry.transfer.lines import Deadline, Lines

# A name may have addresses that swallow everything, a broken IPv6 mostly. Each gets so long at
# first, so that the next one has its turn soon.
_SHORT_CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        allow_private: It may reach a private machine.
        connect_timeout_s: How long one connection attempt may take.
        stall_timeout_s: How long nothing may come.
        stop: Set when nobody wants the answer any more.
        connected: Hears about the connection, if a new one is made.
    """

    url: httpx.URL
    headers: Mapping[str, str]
    allow_private: bool
    connect_timeout_s: float
    stall_timeout_s: float
    stop: threading.Event
    connected: Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer, whose body is still to be read.

    Attributes:
        done: To be called when that is over: the host has room for another one then.
    """

    response: httpx.Response
    done: Callable[[], object]


def send(door: Door, request: Request, *, name: str) -> Sent:
    """Send it and wait for the head of the answer.

    Args:
        door: Whose clients to use.
        request: What to send.
        name: The source, for errors.

    Raises:
        LineLost: No answer came.
        ConnectionLost: The host cannot prove who it is.
        RefusedAddress: It leads to a private machine.
    """
    host = request.url.host
    client = door.client(allow_private=request.allow_private)
    if not door.lines.enter(host, request.stop):
        raise LineLost("it was broken off")
    try:
        response = _by_any_address(door, client, request)
    except httpx.ConnectError as error:
        door.lines.leave(host)
        because = why_untrusted(str(error))
        if because is not None:
            raise ConnectionLost(name, 0, because) from error
        raise LineLost(str(error) or "no connection") from error
    except BaseException:
        door.lines.leave(host)
        raise
    stream = response.extensions.get("network_stream")
    line = stream and stream.get_extra_info("socket")
    door.lines.read(line, now=True)
    return Sent(response, weakref.finalize(response, _is_over, door.lines, host, line))


def _is_over(lines: Lines, host: str, line: socket.socket | None) -> None:
    lines.read(line, now=False)
    lines.leave(host)


def _by_any_address(door: Door, client: httpx.Client, request: Request) -> httpx.Response:
    host, longest_s = request.url.host, request.connect_timeout_s
    if longest_s > _SHORT_CONNECT_S and host not in door.slow_hosts:
        try:
            return _try(door, client, request, _SHORT_CONNECT_S)
        except httpx.ConnectTimeout:
            door.slow_hosts.add(host)
    try:
        return _try(door, client, request, longest_s)
    except httpx.ConnectTimeout as error:
        raise LineLost("no connection was made in time", stalled=True) from error


def _try(door: Door, client: httpx.Client, request: Request, connect_s: float) -> httpx.Response:
    url, stall_s = request.url, request.stall_timeout_s
    origin = addresses.origin_of(url)
    deadline = Deadline(door.lines, origin, 2 * stall_s)

    def connected(line: socket.socket) -> None:
        door.lines.add(origin, line)
        request.connected(line)

    check = addresses.PeerCheck(url.host, allow_private=request.allow_private, connected=connected)

    def trace(event: str, info: Mapping[str, Any]) -> None:
        check(event, info)
        deadline(event)

    built = client.build_request(
        "GET",
        url,
        headers=request.headers,
        timeout=httpx.Timeout(stall_s, connect=connect_s),
        extensions={"trace": trace},
    )
    try:
        return client.send(built, stream=True)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise
    except httpx.TimeoutException as error:
        raise LineLost("no answer came in time", stalled=True) from error
    except httpx.ProxyError as error:
        raise LineLost(f"the proxy says no: {error}") from error
    except httpx.TransportError as error:
        if deadline.passed.is_set():
            raise LineLost("no answer came in time", stalled=True) from error
        raise LineLost(str(error) or type(error).__name__) from error
