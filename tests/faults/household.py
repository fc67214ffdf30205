"""A home with a UI, and installs that go the whole way: plan, download, proof, store, links.

Whatever a test is about, two things are looked at when it ends: no file under a final name holds
bytes that are not right, and no host but the hub has seen the hub's token.
"""

import contextlib
import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.api import Registry
from registry.domain.source import Secret
from registry.errors import SdregError
from registry.operations.install import InstalledFile
from registry.settings import Settings
from registry.transfer.download import Downloader, TransferOptions
from tests.servers.model_server import ModelServer
from tests.transfer.bench import Heard

KIB, MIB = 1024, 1024 * 1024
TOKEN = "the-token-of-the-user"
CIVITAI = {"hub": "civitai", "model": "901", "version": "902", "file": "903"}
AT_CIVITAI = "api/download/models/902"
HUGGINGFACE = {"hub": "huggingface", "model": "made-up/noise", "file": "noise.safetensors"}
AT_HUGGINGFACE = "made-up/noise/resolve/main/noise.safetensors"
QUICK: dict[str, Any] = {
    "first_wait_s": 0.01,
    "longest_wait_s": 0.3,
    "stall_timeout_s": 3.0,
    "connect_timeout_s": 3.0,
    "attempts_without_progress": 4,
    "checkpoint_every_s": 0.01,
    "durable": False,
    "user_agent": "sdreg-test/1",
}


def weights(size: int, seed: int = 1) -> bytes:
    """A safetensors file with so many bytes of noise in it."""
    tensor = {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}
    header = json.dumps({"lora_up.weight": tensor}).encode()
    header += b" " * (-len(header) % 8)
    noise = random.Random(seed).randbytes(size)
    return len(header).to_bytes(8, "little") + header + noise


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Household:
    """One user's home.

    Args:
        folder: An empty folder for all of it.
        template: A home with a filled catalog, which is copied.
        civitai: Who answers as Civitai, with the user's token; None is nobody.
        huggingface: Who answers as Hugging Face.
    """

    def __init__(
        self,
        folder: Path,
        template: Path,
        *,
        civitai: ModelServer | None = None,
        huggingface: ModelServer | None = None,
    ) -> None:
        self.heard = Heard()
        self.right: set[str] = set()
        self.home, self.ui = folder / "home", folder / "comfy"
        shutil.copytree(template, self.home)
        self.ui.mkdir()
        self._civitai, self._huggingface = civitai, huggingface
        self._open: list[Downloader] = []

    def registry(self, **options: Any) -> Registry:
        """The house as the command line opens it, but with quick manners."""
        opened = Registry(
            Settings(
                home=self.home,
                durable=False,
                civitai_url=self._civitai.address if self._civitai else None,
                hf_endpoint=self._huggingface.address if self._huggingface else None,
                tokens={"civitai": Secret(TOKEN)} if self._civitai else {},
                uis=(("comfyui", self.ui),),
            )
        )
        quick = Downloader(TransferOptions(**{**QUICK, **options}), self.home / "partial")
        self._open.append(quick)
        opened.rooms = replace(opened.rooms, downloader=quick)
        return opened

    def knows(self, content: bytes, *sources: dict[str, str], **facts: Any) -> None:
        """Let the catalog know a model `noise`: its length, its SHA-256 and where it can be had."""
        file = {
            "name": "noise.safetensors",
            "role": "weights",
            "format": "safetensors",
            "size_bytes": len(content),
            "hashes": {"sha256": sha256_of(content)},
            "sources": list(sources),
            **facts,
        }
        version = {"name": "v1", "files": [file]}
        model = {"slug": "noise", "name": "Noise", "type": "lora", "versions": [version]}
        path = self.home / "noise.json"
        path.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
        self.registry().catalog_add(path)

    def install(
        self, reference: str, content: bytes | None = None, **options: Any
    ) -> InstalledFile:
        """Install a reference; `content` makes its SHA-256 known beforehand."""
        registry = self.registry(**options)
        sha256 = None if content is None else sha256_of(content)
        plan = registry.plan_install(reference, sha256=sha256)
        (done,) = registry.install(plan, progress=self.heard).files
        return done

    def promise(self, content: bytes) -> str:
        """The SHA-256 of bytes that are right."""
        self.right.add(sha256_of(content))
        return sha256_of(content)

    def installs(
        self, reference: str, content: bytes, *, knowing: bool = True, **options: Any
    ) -> InstalledFile:
        """Install, and look: exactly these bytes, proven if their hash was known."""
        self.promise(content)
        done = self.install(reference, content if knowing else None, **options)
        assert done.blob.path.read_bytes() == content
        assert done.install.proven == (knowing or reference == "noise")
        assert all(link.path.read_bytes() == content for link in done.install.links)
        assert done.install.links
        return done

    def refuses(
        self,
        reference: str,
        error: type[SdregError] | tuple[type[SdregError], ...],
        content: bytes | None = None,
        *,
        match: str | None = None,
        **options: Any,
    ) -> SdregError:
        """Try to install, and look: this error, in words, and nothing new under a final name."""
        before = self.final_files()
        with pytest.raises(error, match=match) as caught:
            self.install(reference, content, **options)
        assert self.final_files() == before
        assert str(caught.value)
        assert TOKEN not in repr(vars(caught.value)) + str(caught.value) + str(caught.value.hint)
        return caught.value

    def final_files(self) -> list[Path]:
        """Everything that lies under a name by which somebody would use it."""
        roots = (self.home / "blobs", self.home / "library", self.ui)
        found = (path for root in roots for path in root.rglob("*") if path.is_file())
        return sorted(
            path for path in found if path.suffix != ".json" and "pieces" not in path.name
        )

    def look_back(self) -> None:
        """What must hold after every test, whatever happened."""
        for path in self.final_files():
            assert sha256_of(path.read_bytes()) in self.right, f"{path} holds other bytes"

    def close(self) -> None:
        """Close what is kept open."""
        for each in self._open:
            each.close()


def no_token_at(servers: list[ModelServer]) -> None:
    """None of these hosts may have seen the user's token, in whatever place."""
    for server in servers:
        assert not any(TOKEN in repr(seen) for seen in server.requests), server.address


@contextlib.contextmanager
def housekeeping(house: Household, foreign: list[ModelServer]) -> Iterator[Household]:
    """Look back at the end."""
    try:
        yield house
        house.look_back()
        no_token_at(foreign)
    finally:
        house.close()
