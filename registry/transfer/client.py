"""The way to one file: requests, redirects by our own rules, and who gets to see the token."""

import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from registry.domain.source import Download
from registry.errors import LoginRequired, NotTheFile, RefusedAddress
from registry.transfer import addresses
from registry.transfer.answers import place_of
from registry.transfer.body import Body
from registry.transfer.door import LOCATION, Door
from registry.transfer.journal import lasting_name
from registry.transfer.lines import break_off
from registry.transfer.options import TransferOptions
from registry.transfer.resume import OK, PARTIAL, Head, read_head
from registry.transfer.sending import Request, Sent, send

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DECODABLE = frozenset({"gzip", "x-gzip", "deflate"})


@dataclass(slots=True)
class Answer:
    """What came back: the head, and a body to read.

    Attributes:
        url: The address that answered, after all redirects.
        generation: Which state of the way led there.
        is_first_address: No cached redirect was used to get there.
        done: Makes room for the next request to that host.
    """

    head: Head
    headers: Mapping[str, str]
    body: Body
    url: httpx.URL
    generation: int
    is_first_address: bool
    done: Callable[[], object]

    def close(self) -> None:
        """Let go of the connection."""
        self.body.close()
        self.done()


class Way:
    """How to get to one file now; shared by all its connections.

    Addresses that the first one redirects to are remembered, and forgotten when they expire; then
    one thread finds the new one for all.

    Args:
        relocate: Asks the hub for a fresh address; called at most once.
        can_prove: A hash is known that proves the whole file.
        options: How patient to be on this way; None is as the door is.

    Raises:
        RefusedAddress: The address is none that we speak to.
        UnprovenDownload: Plain http without a hash.
    """

    def __init__(
        self,
        door: Door,
        download: Download,
        *,
        relocate: Callable[[], Download] | None,
        can_prove: bool,
        options: TransferOptions | None = None,
    ) -> None:
        self.download = download
        self.name = lasting_name(download.source)
        self._door = door
        self._options = options or door.options
        self._relocate = relocate
        self._can_prove = can_prove
        self._lock = threading.Lock()
        self._renewal = threading.Lock()
        self._generation = 0
        self._settled: httpx.URL | None = None
        self._may_be_missing = download.source.hub == "civitai"
        self._bodies: dict[int, Body] = {}
        self._lines: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._cut = threading.Event()
        self._allow_private = addresses.check_first(download, can_prove=can_prove)

    @property
    def host(self) -> str:
        """Host of the first address."""
        return httpx.URL(self.download.url).host

    def ask(self, headers: Mapping[str, str]) -> Answer:
        """Send one request and follow its redirects.

        Raises:
            LineLost: No answer came.
            RefusedAddress: It leads where we do not go.
            LoginRequired: It leads to a login page.
        """
        if not self._must_renew():
            return self._walk(headers)
        # The address ran out: one thread walks to the new one, the others wait and take it.
        with self._renewal:
            if self._must_renew():
                answer = self._walk(headers)
                if answer.head.status in {OK, PARTIAL}:
                    self.settle(answer)
                return answer
        return self._walk(headers)

    def _must_renew(self) -> bool:
        with self._lock:
            return self._generation > 0 and self._settled is None

    def _walk(self, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            first = httpx.URL(self.download.url)
            url, generation = self._settled or first, self._generation
            token, allow_private = self.download.token, self._allow_private
        cached = url != first
        for _ in range(self._door.options.max_redirects + 1):
            ours = addresses.origin_of(url) == addresses.origin_of(first)
            sent = {"Accept-Encoding": "identity", **headers}
            if token is not None and ours:
                sent["Authorization"] = f"Bearer {token.value}"
            came = self._send(url, sent, allow_private=allow_private)
            location = came.response.extensions.get(LOCATION)
            if came.response.status_code not in _REDIRECTS or location is None:
                return self._answer(came, url, generation, is_first=not cached)
            came.response.close()
            came.done()
            url = self._next(url, location, first, allow_private=allow_private)
        raise RefusedAddress(
            self.name, f"it redirects more than {self._door.options.max_redirects} times"
        )

    def settle(self, answer: Answer) -> None:
        """Remember where the redirects led, for the requests that follow."""
        with self._lock:
            if answer.generation == self._generation:
                self._settled = answer.url

    def renew(self, answer: Answer) -> bool:
        """Find a fresh address after `answer` said that the old one is no good any more.

        Returns:
            Whether it is worth asking again.
        """
        with self._lock:
            if answer.generation != self._generation:
                return True  # somebody else was faster
            if not answer.is_first_address:
                self._settled = None
            elif self._relocate is not None:
                relocate, self._relocate = self._relocate, None
                self.download = relocate()
                self._allow_private = addresses.check_first(
                    self.download, can_prove=self._can_prove
                )
                self._settled = None
            else:
                return False
            self._generation += 1
            return True

    def excuse_missing(self) -> bool:
        """Whether a 404 may be a hiccup: Civitai's file storage has them, so it is asked twice."""
        with self._lock:
            excused = self._may_be_missing
            self._may_be_missing = False
            return excused

    def cut(self) -> None:
        """Break off everything that is under way; the next request is a new beginning."""
        with self._lock:
            bodies, lines = list(self._bodies.values()), list(self._lines)
            self._cut.set()
            self._cut = threading.Event()
            self._lines.clear()
        self._door.lines.wake()
        for body in bodies:
            body.cut()
        for line in lines:
            break_off(line)

    def hold_host(self, host: str, seconds: float) -> None:
        """Let nobody ask this host for a while: it asked us to slow down."""
        self._door.lines.hold(host, seconds)

    def let_go(self, answer: Answer) -> None:
        """The answer is not needed any more."""
        with self._lock:
            self._bodies.pop(id(answer.body), None)
        answer.close()

    def _send(self, url: httpx.URL, headers: Mapping[str, str], *, allow_private: bool) -> Sent:
        with self._lock:
            stop = self._cut
        request = Request(
            url,
            headers,
            allow_private=allow_private,
            connect_timeout_s=self._options.connect_timeout_s,
            stall_timeout_s=self._options.stall_timeout_s,
            stop=stop,
            connected=self._note_line,
        )
        return send(self._door, request, name=self.name)

    def _note_line(self, line: socket.socket) -> None:
        with self._lock:
            self._lines.add(line)

    def _next(
        self, url: httpx.URL, location: str, first: httpx.URL, *, allow_private: bool
    ) -> httpx.URL:
        target = addresses.follow(url, location, allow_private=allow_private)
        if target.path.rstrip("/").endswith("/login"):
            if self.download.source.hub == "direct":
                raise NotTheFile(self.name, "a login page")
            raise LoginRequired(place_of(self.download, url.host), self.download.file_name)
        if first.userinfo and addresses.origin_of(target) == addresses.origin_of(first):
            target = target.copy_with(username=first.username, password=first.password)
        return target

    def _answer(self, came: Sent, url: httpx.URL, generation: int, *, is_first: bool) -> Answer:
        response = came.response
        headers = {name.lower(): value for name, value in response.headers.items()}
        head = read_head(response.status_code, headers)
        body = Body(
            response,
            length=head.content_length,
            decode=head.encoding in _DECODABLE,
            stall_s=self._options.stall_timeout_s,
            lowest_bytes_per_s=self._options.lowest_bytes_per_s,
        )
        with self._lock:
            self._bodies[id(body)] = body
        return Answer(head, headers, body, url, generation, is_first, came.done)


def can_decode(head: Head) -> bool:
    """Whether the body can be had as the file's own bytes."""
    return not head.is_encoded or (head.status == OK and head.encoding in _DECODABLE)


def range_headers(begin: int, end: int | None, validator: str | None) -> dict[str, str]:
    """Ask for the bytes from `begin` up to `end`, of that very file."""
    headers = {"Range": f"bytes={begin}-{'' if end is None else end - 1}"}
    if validator is not None:
        headers["If-Range"] = validator
    return headers
