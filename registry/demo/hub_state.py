"""What the embedded hub knows, what it was told to do wrong, and what it saw."""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from registry.demo.hub_bytes import Damage, Span
from registry.demo.hub_contents import HostedFile

LOST = 404
ARCHIVED = 410


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in.

    Attributes:
        host: Name without the port; ``localhost`` is the storage.
        path: With its query.
        headers: Names in lower case.
    """

    method: str
    host: str
    path: str
    headers: dict[str, str]


class HubState:
    """Everything about the embedded hub but the sockets. Safe to use from several threads.

    Args:
        files: What it holds.
        token: The token that it knows. Files that are `gated`, or all after `demand_token`, are
            given only to who sends it.
    """

    def __init__(self, files: Iterable[HostedFile], *, token: str | None = None) -> None:
        self.files = list(files)
        self.token = token
        self.port: int | None = None
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._down: dict[str, int] = {}
        self._damages: dict[str, Damage] = {}
        self._demands_token = False
        self._signing_key = secrets.token_hex(8)

    # ── where it is ───────────────────────────────────────────────────────────────────────────────

    @property
    def address(self) -> str:
        """Where both hubs answer: for `SDREG_CIVITAI_URL` and `HF_ENDPOINT`."""
        assert self.port is not None, "the hub listens only while it is entered"
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage(self) -> str:
        """Where the bytes come from: another host."""
        assert self.port is not None, "the hub listens only while it is entered"
        return f"http://localhost:{self.port}"

    # ── what it saw ───────────────────────────────────────────────────────────────────────────────

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order."""
        with self._lock:
            return list(self._requests)

    def forget_requests(self) -> None:
        """Begin with an empty list."""
        with self._lock:
            self._requests.clear()

    def note(self, request: Request) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    # ── what it is told ───────────────────────────────────────────────────────────────────────────

    def take_down(self, name: str, *, status: int = LOST) -> None:
        """Answer as if something were gone.

        Args:
            name: ``civitai:66``, ``civitai:66@75``, ``civitai:@75``, ``civitai:66@75+446``,
                ``hf:owner/repo`` or ``hf:owner/repo:path``.
            status: 404, or 410 for archived. Hugging Face says 401 to strangers for a repository
                that does not exist, and so does this.
        """
        self._down[name] = status

    def restore(self, name: str) -> None:
        """Take `take_down` back."""
        del self._down[name]

    def demand_token(self) -> None:
        """Give no file to who does not send the token."""
        self._demands_token = True

    def damage(
        self, name: str, *, flip_at: int | None = None, cut_at: int | None = None, times: int = 1
    ) -> None:
        """Spoil the next answers that hold one of these bytes of a file.

        Args:
            name: File name.
            flip_at: This byte arrives wrong.
            cut_at: The connection ends before this byte.
            times: How many answers are spoilt.
        """
        self._damages[name] = Damage(flip_at=flip_at, cut_at=cut_at, times=times)

    def expire_links(self) -> None:
        """Refuse every signed address that was given out so far."""
        self._signing_key = secrets.token_hex(8)

    # ── what its handler asks ─────────────────────────────────────────────────────────────────────

    @property
    def signing_key(self) -> str:
        """What makes signed addresses valid."""
        return self._signing_key

    def status_of(self, file: HostedFile, hub: str) -> int | None:
        """The status it is gone with at one hub (``civitai`` or ``hf``), None if it is there."""
        here = (name for name in sorted(file.names) if name.startswith(f"{hub}:"))
        return next((self._down[name] for name in here if name in self._down), None)

    def status_of_repo(self, repo: str) -> int | None:
        """The status a whole repository is gone with, None if it is there."""
        return self._down.get(f"hf:{repo}")

    def needs_token(self, file: HostedFile) -> bool:
        """Whether only some may have it."""
        return self._demands_token or file.gated

    def damage_for(self, file: HostedFile, span: Span) -> Damage | None:
        """What goes wrong with this answer; counts down."""
        with self._lock:
            damage = self._damages.get(file.name)
            if damage is None or not damage.hits(span):
                return None
            damage.times -= 1
            return damage
