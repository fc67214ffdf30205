"""Can a hub be reached at all? One small question, without a token, a redirect or patience."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from registry.domain.strangers_text import one_line
from registry.errors import InvalidSettings
from registry.hubs.json_api import open_client
from registry.hubs.refusals import in_words

_TIMEOUT_S = 5.0
_PROXY_WANTS_LOGIN = 407
_SERVER_ERROR, _NO_SUCH_METHOD = 500, 501
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Reach:
    """What came of the question.

    Attributes:
        trouble: Why the hub cannot be reached, in words; None if it can.
        proxy: Host and port of the proxy that stands between, without its password.
    """

    trouble: str | None
    proxy: str | None


def reach(address: str, *, user_agent: str, timeout_s: float = _TIMEOUT_S) -> Reach:
    """Ask a hub for the head of its front page; whatever it answers, it is there.

    Args:
        address: As `Hub.address` has it.
        user_agent: Who we say we are. Nothing else is sent.
        timeout_s: For the connection, and for the answer.
    """
    proxy = _proxy_to(address)
    try:
        with open_client(user_agent, timeout_s=timeout_s, connect_s=timeout_s) as client:
            status = client.head(f"{address}/").status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Reach(in_words(error), proxy)
    except InvalidSettings as error:
        return Reach(str(error), proxy)
    if status == _PROXY_WANTS_LOGIN:
        return Reach("the proxy wants a login", proxy)
    if status >= _SERVER_ERROR and status != _NO_SUCH_METHOD:
        return Reach(f"it answers with status {status}", proxy)
    return Reach(None, proxy)


def _proxy_to(address: str) -> str | None:
    """The proxy that the environment or the system names for this address."""
    to = urlsplit(address)
    host = to.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    known = getproxies()
    proxy = known.get(to.scheme) or known.get("all")
    if not proxy:
        return None
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "one whose address cannot be read"
    return one_line(f"{parts.hostname}{port}")
