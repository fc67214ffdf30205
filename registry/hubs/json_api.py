"""Ask a hub for JSON, politely.

Own name, time limits, patience with servers that ask for it, a cap on what is read, and a token
that goes to the configured host and nowhere else.
"""

import json
import logging
import threading
import time
import weakref
from collections.abc import Mapping
from typing import NoReturn

import httpx

from registry.domain.strangers_text import one_line
from registry.errors import (
    HubUnreachable,
    InvalidSettings,
    LoginRequired,
    RateLimited,
    UnexpectedAnswer,
)
from registry.hubs import refusals
from registry.hubs.hub import HubSettings
from registry.hubs.patience import Patience, asked_wait_s
from registry.hubs.refusals import in_words
from registry.hubs.untrusted import Json

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024 * 1024
_MAX_ANSWER_S = 120.0
_MAX_REDIRECTS = 5
_REMEMBERED_S = 300.0
_REMEMBERED_ANSWERS = 256
_OK, _REDIRECT, _ERROR, _SERVER_ERROR = 200, 300, 400, 500
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class JsonApi:
    """One hub's JSON over HTTP. Answers are remembered for a few minutes. Safe to share.

    Args:
        hub: Name of the hub, for errors.
        address: Where it answers, without a slash at the end.
        settings: Token, name and patience.
    """

    def __init__(self, hub: str, address: str, settings: HubSettings) -> None:
        self._hub = hub
        self._address = address
        self._settings = settings
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._remembered: dict[str, tuple[float, Json]] = {}

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        what: str,
        may_be_missing: bool = False,
    ) -> Json:
        """Ask for one document.

        Args:
            path: From the hub's address on, with a slash at its beginning.
            params: The query.
            what: What is asked for, as people call it; errors say it.
            may_be_missing: A 404 is an answer like any other and is not asked for twice.

        Raises:
            LoginRequired, AccessDenied, GoneFromHub, RateLimited: As the hub says.
            HubUnreachable: No answer came, or only errors of the server.
            UnexpectedAnswer: The answer is not JSON, too large, or leads to another host.
        """
        url = str(httpx.URL(self._address + path, params=dict(params) if params else None))
        known = self._remembered.get(url)
        if known is not None and time.monotonic() - known[0] < _REMEMBERED_S:
            return known[1]
        answer = self._parse(self._ask(url, what, may_be_missing=may_be_missing), what)
        with self._lock:
            while len(self._remembered) >= _REMEMBERED_ANSWERS:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[url] = (time.monotonic(), answer)
        return answer

    def _ask(self, url: str, what: str, *, may_be_missing: bool) -> bytes:
        patience = Patience(self._settings.max_wait_s)
        asked_twice = may_be_missing
        while True:
            try:
                status, headers, body = self._follow(url, what)
            except httpx.TransportError as error:
                wait_s = None if refusals.is_untrusted(error) else patience.wait_s()
                if wait_s is None:
                    raise HubUnreachable(self._hub, in_words(error)) from error
            else:
                if status == _OK:
                    return body
                asked_s = asked_wait_s(headers, now_s=time.time())
                if status == refusals.TOO_MANY or status >= _SERVER_ERROR:
                    wait_s = patience.wait_s(asked_s)
                elif status == refusals.NOT_FOUND and not asked_twice:
                    # Civitai's 404 can be a storage that did not answer in time.
                    asked_twice, wait_s = True, patience.wait_s()
                else:
                    wait_s = None
                if wait_s is None:
                    self._refuse(what, status, body, asked_s)
            logger.info("%s: waiting %.1f seconds before asking again", self._hub, wait_s)
            self._settings.sleep(wait_s)

    def _refuse(self, what: str, status: int, body: bytes, asked_s: float | None) -> NoReturn:
        if status == refusals.TOO_MANY:
            raise RateLimited(self._hub, asked_s)
        logged_in = self._settings.token is not None
        raise refusals.refusal(self._hub, what, status, body, logged_in=logged_in)

    def _follow(self, url: str, what: str) -> tuple[int, httpx.Headers, bytes]:
        """One question and its redirects, which must stay on the host."""
        headers = {}
        if self._settings.token is not None:
            headers["Authorization"] = refusals.bearer(self._hub, self._settings.token)
        here = httpx.URL(url)
        for _ in range(_MAX_REDIRECTS + 1):
            with self._opened().stream("GET", here, headers=headers) as response:
                location = response.headers.get("location", "")
                if not (_REDIRECT <= response.status_code < _ERROR and location):
                    return response.status_code, response.headers, self._read(response, what)
            here = self._next(here, location, what)
        raise UnexpectedAnswer(self._hub, f"it redirects in circles for {what}")

    def _next(self, here: httpx.URL, location: str, what: str) -> httpx.URL:
        if refusals.leads_to_login(location):
            raise LoginRequired(self._hub, what)
        try:
            target = here.join(location)
        except (httpx.InvalidURL, ValueError) as error:
            raise UnexpectedAnswer(self._hub, f"it redirects nowhere for {what}") from error
        if not _is_same_place(here, target):
            host = one_line(target.host)
            raise UnexpectedAnswer(self._hub, f"it redirects to another host, {host}, for {what}")
        return target

    def _read(self, response: httpx.Response, what: str) -> bytes:
        """The whole body, if it is of a sane size and comes in a sane time."""
        body = bytearray()
        until = time.monotonic() + _MAX_ANSWER_S
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise UnexpectedAnswer(
                        self._hub, f"more than {MAX_BODY_BYTES:,} bytes for {what}"
                    )
                if time.monotonic() > until:
                    raise HubUnreachable(self._hub, "its answer takes too long")
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(self._hub, f"a broken encoding for {what}") from error
        return bytes(body)

    def _parse(self, body: bytes, what: str) -> Json:
        try:
            answer: Json = json.loads(body, parse_constant=_no_number)
        except RecursionError as error:
            raise UnexpectedAnswer(self._hub, f"JSON nested without end for {what}") from error
        except ValueError as error:
            raise refusals.not_json(self._hub, what, body) from error
        return answer

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = open_client(self._settings.user_agent)
                weakref.finalize(self, self._client.close)
            return self._client


def open_client(user_agent: str, *, timeout_s: float = 30, connect_s: float = 10) -> httpx.Client:
    """A client that follows no redirects and sends nothing of its own but its name.

    Raises:
        InvalidSettings: The environment names a proxy or certificates that cannot be used.
    """
    try:
        return httpx.Client(
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            timeout=httpx.Timeout(timeout_s, connect=connect_s),
            mounts={f"all://{host}": None for host in _LOOPBACK},  # never through a proxy
            follow_redirects=False,
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise refusals.unusable_proxy() from error
    except OSError as error:
        because = "names nothing that certificates can be read from"
        raise InvalidSettings("SSL_CERT_FILE", because, "the environment") from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _is_same_place(here: httpx.URL, target: httpx.URL) -> bool:
    """Same host and port, or the same host by https instead of http."""
    if here.host.lower() != target.host.lower():
        return False
    if (here.scheme, here.port) == (target.scheme, target.port):
        return True
    return (here.scheme, target.scheme) == ("http", "https") and here.port == target.port is None
