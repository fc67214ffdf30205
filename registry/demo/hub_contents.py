"""What the embedded hub holds, and what Civitai and Hugging Face would say about it.

The answers have the shapes of the real ones: upper-case hashes, `sizeKB` as a fraction, LFS facts
for weights and only a git hash for small files.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import blake3

from registry.domain.hashes import crc32_digits

_CHUNK_BYTES = 1024 * 1024
_AUTOV1_BEGIN, _AUTOV1_BYTES = 1024 * 1024, 64 * 1024
_AUTOV3_HEADER_BYTES = 8
_LFS_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".zip")
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")

Facts = dict[str, object]


@dataclass(frozen=True)
class HostedFile:
    """One file and where it is published.

    Attributes:
        content: The bytes, or a file that holds them.
        name: Its name.
        civitai: Numbers of model, version and file there.
        huggingface: Repository and path there.
        model_name: What its page is called.
        version_name: What its version is called.
        type: Civitai's word for the kind of model.
        base_model: Civitai's word for what it is made for.
        file_type: Civitai's word for what the file is for.
        metadata: Civitai's ``fp``, ``size`` and ``format``.
        trained_words: Trigger words.
        tags: Hugging Face's tags.
        licence: Hugging Face's word for the licence.
        gated: It is given only to who sends the hub's token.
    """

    content: Path | bytes
    name: str
    civitai: tuple[int, int, int] | None = None
    huggingface: tuple[str, str] | None = None
    model_name: str = "A model"
    version_name: str = "v1.0"
    type: str = "Checkpoint"
    base_model: str = "SD 1.5"
    file_type: str = "Model"
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    trained_words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    licence: str | None = None
    gated: bool = False

    @cached_property
    def size_bytes(self) -> int:
        """How long it is."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.stat().st_size

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Every hash that Civitai publishes, under its names."""
        sha256, crc32, three = hashlib.sha256(), 0, blake3.blake3()
        for chunk in self.read(0, self.size_bytes):
            sha256.update(chunk)
            three.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
        found = {
            "AutoV2": sha256.hexdigest()[:10].upper(),
            "SHA256": sha256.hexdigest().upper(),
            "CRC32": crc32_digits(crc32).upper(),
            "BLAKE3": three.hexdigest().upper(),
        }
        if self.size_bytes >= 2 * _AUTOV1_BEGIN:
            found["AutoV1"] = self._sha256(_AUTOV1_BEGIN, _AUTOV1_BYTES)[:8].upper()
        if self.name.endswith(".safetensors") and self.size_bytes > _AUTOV3_HEADER_BYTES:
            head = b"".join(self.read(0, _AUTOV3_HEADER_BYTES))
            begin = _AUTOV3_HEADER_BYTES + int.from_bytes(head, "little")
            if begin <= self.size_bytes:
                found["AutoV3"] = self._sha256(begin, self.size_bytes - begin)[:12].upper()
        return found

    @property
    def sha256(self) -> str:
        """Digits in lower case."""
        return self.hashes["SHA256"].lower()

    @property
    def is_lfs(self) -> bool:
        """Whether Hugging Face keeps it as a large file."""
        return self.name.lower().endswith(_LFS_SUFFIXES)

    @cached_property
    def git_hash(self) -> str:
        """The hash that git has for it, or for the pointer to a large file."""
        if self.is_lfs:
            content = (
                "version https://git-lfs.github.com/spec/v1\n"
                f"oid sha256:{self.sha256}\nsize {self.size_bytes}\n"
            ).encode()
        else:
            content = b"".join(self.read(0, self.size_bytes))
        blob = f"blob {len(content)}\0".encode() + content
        return hashlib.sha1(blob, usedforsecurity=False).hexdigest()

    @property
    def names(self) -> frozenset[str]:
        """Every reference that it, its version or its model goes by."""
        found = set()
        if self.civitai is not None:
            model, version, file = self.civitai
            found |= {f"civitai:{model}", f"civitai:@{version}", f"civitai:{model}@{version}"}
            found |= {f"civitai:{model}@{version}+{file}"}
        if self.huggingface is not None:
            repo, path = self.huggingface
            found |= {f"hf:{repo}", f"hf:{repo}:{path}"}
        return frozenset(found)

    def read(self, begin: int, count: int) -> Iterator[bytes]:
        """So many bytes from an offset on, in pieces."""
        if isinstance(self.content, bytes):
            for at in range(begin, begin + count, _CHUNK_BYTES):
                yield self.content[at : min(at + _CHUNK_BYTES, begin + count)]
            return
        with self.content.open("rb") as file:
            file.seek(begin)
            while count > 0 and (chunk := file.read(min(_CHUNK_BYTES, count))):
                count -= len(chunk)
                yield chunk

    def _sha256(self, begin: int, count: int) -> str:
        digest = hashlib.sha256()
        for chunk in self.read(begin, count):
            digest.update(chunk)
        return digest.hexdigest()


# ── as Civitai tells it ───────────────────────────────────────────────────────────────────────────


def civitai_model(files: Iterable[HostedFile], address: str) -> Facts:
    """``/api/v1/models/{id}``; versions with the highest number first."""
    published = [file for file in files if file.civitai is not None]
    first = published[0]
    assert first.civitai is not None
    versions: dict[int, list[HostedFile]] = {}
    for file in published:
        assert file.civitai is not None
        versions.setdefault(file.civitai[1], []).append(file)
    return {
        "id": first.civitai[0],
        "name": first.model_name,
        "description": "<p>Made on the spot.</p>",
        "type": first.type,
        "poi": False,
        "nsfw": False,
        "allowNoCredit": True,
        "allowCommercialUse": ["Image", "RentCivit"],
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "creator": {"username": "sdreg"},
        "tags": list(first.tags),
        "mode": None,
        "modelVersions": [
            civitai_version(versions[number], address, alone=False)
            for number in sorted(versions, reverse=True)
        ],
    }


def civitai_version(files: list[HostedFile], address: str, *, alone: bool = True) -> Facts:
    """``/api/v1/model-versions/{id}``, or the same as a part of its model."""
    first = files[0]
    assert first.civitai is not None
    model, version, _ = first.civitai
    about: Facts = {
        "id": version,
        "modelId": model,
        "name": first.version_name,
        "status": "Published",
        "availability": "Public",
        "trainedWords": list(first.trained_words),
        "baseModel": first.base_model,
        "baseModelType": "Standard",
        "files": [
            {**_civitai_file(file, address), **({"primary": True} if file is first else {})}
            for file in files
        ],
        "images": [],
        "downloadUrl": f"{address}/api/download/models/{version}",
    }
    if alone:
        about["model"] = {"name": first.model_name, "type": first.type, "nsfw": False, "poi": False}
    return about


def _civitai_file(file: HostedFile, address: str) -> Facts:
    assert file.civitai is not None
    _, version, number = file.civitai
    kind = "PickleTensor" if file.name.lower().endswith(_PICKLES) else "SafeTensor"
    return {
        "id": number,
        "sizeKB": file.size_bytes / 1024,
        "name": file.name,
        "type": file.file_type,
        "metadata": {"format": kind, "size": None, "fp": None, **file.metadata},
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "hashes": file.hashes,
        "downloadUrl": f"{address}/api/download/models/{version}",
    }


# ── as Hugging Face tells it ──────────────────────────────────────────────────────────────────────


def commit_of(files: Iterable[HostedFile]) -> str:
    """A commit of a repository that changes with its contents."""
    digest = hashlib.sha1(usedforsecurity=False)
    for file in files:
        assert file.huggingface is not None
        digest.update(f"{file.huggingface[1]} {file.git_hash}\n".encode())
    return digest.hexdigest()


def huggingface_repo(files: list[HostedFile], *, blobs: bool) -> Facts:
    """``/api/models/{repo}``."""
    first = files[0]
    assert first.huggingface is not None
    repo = first.huggingface[0]
    card = {"license": first.licence} if first.licence else {}
    return {
        "_id": commit_of(files)[:24],
        "id": repo,
        "modelId": repo,
        "author": repo.partition("/")[0],
        "sha": commit_of(files),
        "private": False,
        "disabled": False,
        "gated": "auto" if any(file.gated for file in files) else False,
        "tags": [*first.tags, *(f"license:{word}" for word in card.values())],
        "cardData": card,
        "siblings": [_sibling(file, blobs=blobs) for file in files],
    }


def _sibling(file: HostedFile, *, blobs: bool) -> Facts:
    assert file.huggingface is not None
    told: Facts = {"rfilename": file.huggingface[1]}
    if blobs:
        told |= {"size": file.size_bytes, "blobId": file.git_hash}
        if file.is_lfs:
            told["lfs"] = {"sha256": file.sha256, "size": file.size_bytes, "pointerSize": 134}
    return told
