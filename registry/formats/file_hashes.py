"""Every hash that this field knows a file by, in one pass.

AutoV1 and AutoV3 after Civitai's rules, with their traps: below 2 MiB there is no AutoV1 (A1111
hashed whatever it could read, so small files all had the same), a header over 16 MiB is not
skipped for an AutoV3, and what ends with its header has none: that would be the hash of nothing.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from registry.domain.hashes import Hash, Hashes, HashKind, crc32_digits
from registry.domain.progress import Progress
from registry.errors import UnreadableFile
from registry.formats.safetensors import LENGTH_BYTES, autov3_begin

AUTOV1_LEAST_BYTES = 0x200000
_AUTOV1_BEGIN, _AUTOV1_BYTES, _AUTOV1_DIGITS = 0x100000, 0x10000, 8
_AUTOV2_DIGITS = 10
_CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileHashes:
    """The hashes of one file.

    Attributes:
        hashes: SHA-256, BLAKE3, CRC-32 in Civitai's order of bytes, and the AutoVs that the file
            has; an AutoV3 with all 64 digits.
        addnet: SHA-256 of the tensors alone, which LoRAs are known by in pictures; None for what
            is no safetensors file. It is the AutoV3, but for headers over 16 MiB.
    """

    hashes: Hashes
    addnet: str | None = None


def hash_file(
    path: Path, *, tensors_begin: int | None = None, progress: Progress | None = None
) -> FileHashes:
    """Read a whole file and measure it.

    Args:
        path: The file.
        tensors_begin: Where its header ends, if it is a safetensors file.
        progress: Hears about every byte.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    told = progress or Progress()
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            file.seek(0)
            first = file.read(LENGTH_BYTES)
            file.seek(0)
            told.begin(path.name, size_bytes)
            meter = _Meter(size_bytes, autov3_begin(first), tensors_begin)
            for chunk in meter.follow(lambda: file.read(_CHUNK_BYTES)):
                told.advance(chunk)
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
    finally:
        told.end()
    return meter.result()


def quick_autov1(read: Callable[[int, int], bytes], size_bytes: int) -> Hash | None:
    """The AutoV1, for which 64 KiB are enough; None for files that have none."""
    if size_bytes < AUTOV1_LEAST_BYTES:
        return None
    return _autov1(read(_AUTOV1_BEGIN, _AUTOV1_BEGIN + _AUTOV1_BYTES))


def _autov1(stretch: bytes) -> Hash:
    return Hash(HashKind.AUTOV1, hashlib.sha256(stretch).hexdigest()[:_AUTOV1_DIGITS])


@dataclass(slots=True)
class _Behind:
    """The SHA-256 of everything behind one place."""

    begin: int
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def update(self, at: int, chunk: memoryview) -> None:
        self.sha256.update(chunk[max(self.begin - at, 0) :])


class _Meter:
    """All hashes at once: every chunk is given to one thread a hash."""

    def __init__(self, size_bytes: int, autov3_begin: int, tensors_begin: int | None) -> None:
        self._size_bytes = size_bytes
        self._whole = _Behind(0)
        self._blake3 = blake3()
        self._crc = 0
        self._autov3 = _Behind(autov3_begin) if autov3_begin < size_bytes else None
        self._addnet = self._autov3
        if tensors_begin != autov3_begin:
            told = tensors_begin is not None and tensors_begin < size_bytes
            self._addnet = _Behind(tensors_begin or 0) if told else None
        self._autov1: Hash | None = None

    def follow(self, read: Callable[[], bytes]) -> Iterator[int]:
        """Read to the end; the length of each chunk when it is measured."""
        at = 0
        with ThreadPoolExecutor(max_workers=4) as threads:
            chunk = read()
            while chunk:
                view = memoryview(chunk)
                if at == 0 and self._size_bytes >= AUTOV1_LEAST_BYTES:
                    self._autov1 = _autov1(chunk[_AUTOV1_BEGIN : _AUTOV1_BEGIN + _AUTOV1_BYTES])
                steps = [threads.submit(step, at, view) for step in self._steps()]
                following = read()
                for step in steps:
                    step.result()
                yield len(chunk)
                at += len(chunk)
                chunk = following

    def _steps(self) -> list[Callable[[int, memoryview], None]]:
        behind = [self._whole, self._autov3, self._addnet]
        alike = {id(each): each.update for each in behind if each is not None}
        return [*alike.values(), self._other_hashes]

    def _other_hashes(self, _at: int, chunk: memoryview) -> None:
        self._blake3.update(chunk)
        self._crc = zlib.crc32(chunk, self._crc)

    def result(self) -> FileHashes:
        sha256 = self._whole.sha256.hexdigest()
        found = [
            Hash(HashKind.SHA256, sha256),
            Hash(HashKind.AUTOV2, sha256[:_AUTOV2_DIGITS]),
            Hash(HashKind.BLAKE3, self._blake3.hexdigest()),
            Hash(HashKind.CRC32, crc32_digits(self._crc)),
        ]
        if self._autov3 is not None:
            found.append(Hash(HashKind.AUTOV3, self._autov3.sha256.hexdigest()))
        if self._autov1 is not None:
            found.append(self._autov1)
        addnet = self._addnet.sha256.hexdigest() if self._addnet is not None else None
        return FileHashes(Hashes(tuple(found)), addnet)
