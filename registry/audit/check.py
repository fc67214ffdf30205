"""Read one stored file from the disk and say whether it is still what was stored."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import blake3

from registry.domain.audit import Finding, FindingKind
from registry.domain.pieces import PIECE_BYTES, PieceMap
from registry.domain.progress import Progress

_READ_BYTES = PIECE_BYTES


def check_file(
    path: Path, sha256: str, known: PieceMap | None, progress: Progress, *, deep: bool = False
) -> Finding:
    """Compare a file with its piece map, or with its SHA-256 where there is none.

    Args:
        path: The file, under whatever name.
        sha256: What its content must hash to.
        known: Hashes of its pieces from the day it was proven.
        progress: Told of every piece read.
        deep: Compute the SHA-256 as well, although the pieces are known.
    """
    try:
        size_bytes = path.stat().st_size
        measured, whole = _measure(path, progress, with_sha256=deep or known is None)
    except FileNotFoundError:
        return _absent(path, sha256)
    except OSError as error:
        because = error.strerror or str(error)
        return Finding(FindingKind.UNREADABLE, sha256, path, f"it cannot be read: {because}")
    if known is not None:
        damaged = known.differing(measured)
        if damaged or size_bytes != known.size_bytes:
            return Finding(
                FindingKind.DAMAGED, sha256, path, _damage(known, size_bytes, damaged), damaged
            )
    if whole is not None and whole != sha256:
        return Finding(FindingKind.DAMAGED, sha256, path, "its SHA-256 is another one now")
    return Finding(FindingKind.OK, sha256, path, "every byte is as it was stored")


def measure_pieces(path: Path, progress: Progress) -> tuple[PieceMap, str]:
    """Piece map and SHA-256 digits of a file as it is now.

    Raises:
        OSError: It cannot be read.
    """
    pieces, whole = _measure(path, progress, with_sha256=True)
    return pieces, whole or ""


def _measure(path: Path, progress: Progress, *, with_sha256: bool) -> tuple[PieceMap, str | None]:
    digests: list[str] = []
    size_bytes = 0
    whole = hashlib.sha256() if with_sha256 else None
    for piece in _pieces_from_disk(path):
        digests.append(blake3.blake3(piece, max_threads=blake3.blake3.AUTO).hexdigest())
        if whole is not None:
            whole.update(piece)
        size_bytes += len(piece)
        progress.advance(len(piece))
    return PieceMap(size_bytes, tuple(digests)), whole.hexdigest() if whole else None


def _pieces_from_disk(path: Path) -> Iterator[memoryview]:
    """The file in pieces, read from the disk and not from the page cache where that can be asked.

    The buffer is reused: a piece is good until the next one is asked for.
    """
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while True:
            filled = 0
            while filled < len(buffer):
                count = file.readinto(view[filled:])
                if not count:
                    break
                filled += count
            if filled:
                yield view[:filled]
            if filled < len(buffer):
                return


def _damage(known: PieceMap, size_bytes: int, damaged: tuple[int, ...]) -> str:
    if size_bytes != known.size_bytes:
        return f"it has {size_bytes} bytes and had {known.size_bytes}"
    bad = sum(end - begin for begin, end in known.ranges(damaged))
    return f"{len(damaged)} of {len(known.digests)} pieces differ ({bad:,} bytes to fetch again)"


def _absent(path: Path, sha256: str) -> Finding:
    # A drive that is not plugged in takes the folder above the store with it.
    if not path.parent.parent.exists():
        return Finding(
            FindingKind.UNAVAILABLE, sha256, path, "its whole folder is gone: is a drive unplugged?"
        )
    return Finding(FindingKind.MISSING, sha256, path, "the file is gone")
