"""A downloader with quick manners, and one call to fetch."""

import hashlib
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.domain.hashes import Hashes
from registry.domain.install import FetchedFile
from registry.domain.progress import Progress
from registry.domain.source import Download, Secret, Source
from registry.transfer.download import Downloader, Expectation, TransferOptions


class Heard(Progress):
    """Remembers what was said and counted."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun: list[tuple[str, int | None, int]] = []
        self.advanced = 0
        self.ended = 0
        self._lock = threading.Lock()

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        self.begun.append((what, total_bytes, done_bytes))

    def advance(self, bytes_count: int) -> None:
        with self._lock:
            self.advanced += bytes_count

    def end(self) -> None:
        self.ended += 1

    def say(self, message: str) -> None:
        self.lines.append(message)


def some_bytes(size: int, seed: int = 1) -> bytes:
    """Bytes that do not repeat."""
    return random.Random(seed).randbytes(size)


class Bench:
    """A downloader with quick manners, and a short way to use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard = Heard()
        self.options: dict[str, Any] = {
            "first_wait_s": 0.01,
            "longest_wait_s": 0.3,
            "stall_timeout_s": 5.0,
            "attempts_without_progress": 4,
            "checkpoint_every_s": 0.01,
            "durable": False,
            "user_agent": "sdreg-test/1",
        }
        self._open: list[Downloader] = []

    def downloader(self, **options: Any) -> Downloader:
        made = Downloader(TransferOptions(**{**self.options, **options}), self.folder)
        self._open.append(made)
        return made

    def fetch(
        self,
        url: str,
        *,
        content: bytes | None = None,
        size: int | None = None,
        hashes: Hashes | None = None,
        key: str = "part",
        hub: str = "direct",
        token: str | None = None,
        trusted: bool = True,
        name: str = "model.safetensors",
        relocate: Callable[[], Download] | None = None,
        **options: Any,
    ) -> FetchedFile:
        """Fetch; `content` makes its SHA-256 and length known beforehand."""
        known = Expectation(size, hashes or Hashes())
        return self.downloader(**options).fetch(
            download(url, hub=hub, token=token, trusted=trusted, name=name),
            known if content is None else self.expectation(content),
            key=key,
            relocate=relocate,
            progress=self.heard,
        )

    def expectation(self, content: bytes) -> Expectation:
        """What is known beforehand of these bytes: length and SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        return Expectation(len(content), Hashes.of(f"sha256:{digest}"))

    def close(self) -> None:
        for made in self._open:
            made.close()


def download(
    url: str,
    *,
    hub: str = "direct",
    token: str | None = None,
    trusted: bool = True,
    name: str = "model.safetensors",
) -> Download:
    source = Source("direct", url=url) if hub == "direct" else Source(hub, model="66", file="7")
    secret = Secret(token) if token else None
    return Download(source, url, name, token=secret, trusted=trusted)
