"""Read files from the first byte to the last: copy, measure, compare."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import blake3

from registry.domain.pieces import PIECE_BYTES, PieceMap


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file was while it was read.

    Attributes:
        size_bytes: Its length.
        sha256: 64 digits.
        blake3: 64 digits.
        pieces: A hash per piece.
    """

    size_bytes: int
    sha256: str
    blake3: str
    pieces: PieceMap


def measure(source: BinaryIO, copy_to: BinaryIO | None = None) -> Measured:
    """Read `source` to its end, hash it, and write what was hashed to `copy_to`.

    Raises:
        OSError: Reading or writing fails.
    """
    whole, tree = hashlib.sha256(), blake3.blake3()
    digests: list[str] = []
    size_bytes = 0
    for piece in _pieces(source):
        whole.update(piece)
        tree.update(piece)
        digests.append(blake3.blake3(piece).hexdigest())
        size_bytes += len(piece)
        if copy_to is not None:
            copy_to.write(piece)
    return Measured(
        size_bytes, whole.hexdigest(), tree.hexdigest(), PieceMap(size_bytes, tuple(digests))
    )


def copy_proven(source: BinaryIO, target: BinaryIO) -> str:
    """Copy all bytes and return the SHA-256 of what was written.

    Raises:
        OSError: Reading or writing fails.
    """
    whole = hashlib.sha256()
    for piece in _pieces(source):
        whole.update(piece)
        target.write(piece)
    return whole.hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; reads no further than the first difference.

    Raises:
        OSError: One of them cannot be read.
    """
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        return all(a == b for a, b in zip(_pieces(left), _pieces(right), strict=True))


def differing_share(one: Path, other: Path) -> float:
    """How much of two files differs, as a share of their blocks; 1.0 for files of two lengths.

    Raises:
        OSError: One of them cannot be read.
    """
    size_bytes = one.stat().st_size
    if size_bytes != other.stat().st_size:
        return 1.0
    # Small files are cut small, so that one bad byte does not spoil all there is to compare.
    block_bytes = min(PIECE_BYTES, max(16, size_bytes // 64))
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        pairs = zip(_pieces(left, block_bytes), _pieces(right, block_bytes), strict=True)
        differ = [a != b for a, b in pairs]
    return sum(differ) / len(differ) if differ else 0.0


def _pieces(source: BinaryIO, piece_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """A file in pieces; only the last one may be shorter."""
    while piece := source.read(piece_bytes):
        while len(piece) < piece_bytes and (more := source.read(piece_bytes - len(piece))):
            piece += more
        yield piece
