"""Read one stored file from the disk and say whether it is still what was stored."""

import errno
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from registry.audit.headers import with_header_of_then
from registry.audit.reading import ColdFile, cold_file, cold_pieces
from registry.domain.audit import Finding, FindingKind
from registry.domain.pieces import PIECE_BYTES, PieceMap, count_pieces
from registry.domain.progress import Progress
from registry.errors import UnreadableFile
from registry.formats.readable import Readable
from registry.formats.safetensors import header_of

# What a drive says that is not there any more, while its mount point still is.
_GONE = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.ETIMEDOUT}
)
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file was on the day it was proven.

    Attributes:
        sha256: What its content hashes to.
        size_bytes: Its length.
        pieces: Hashes of its pieces, if they were kept.
        header: What a safetensors file began with, up to its tensors: with it a file of which
            somebody edited the metadata is known again, and mended.
    """

    sha256: str
    size_bytes: int
    pieces: PieceMap | None = None
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What came of reading one file.

    Attributes:
        finding: What is the matter with it.
        learned: What is known of it now, where it was found right and something was not known.
    """

    finding: Finding
    learned: Stored | None = None


def check_file(path: Path, stored: Stored, progress: Progress, *, deep: bool = False) -> Look:
    """Compare a file with its piece map, or with its SHA-256 where there is none.

    What looks bad is read a second time before it is said to be, and once more from the beginning
    if somebody wrote to it meanwhile.

    Args:
        path: The file, under whatever name.
        stored: What it was.
        progress: Told of every piece read.
        deep: Compute the SHA-256 as well, although the pieces are known.
    """
    for _ in range(_LOOKS):
        try:
            with cold_file(path) as file:
                read = _read(file, progress, with_sha256=deep or stored.pieces is None)
            look = _judge(path, read, stored)
            if not look.finding.is_bad or path.stat().st_mtime_ns == read.mtime_ns:
                return look
        except (FileNotFoundError, NotADirectoryError):
            return Look(Finding(FindingKind.MISSING, stored.sha256, path, "the file is gone"))
        except UnreadableFile as error:
            cause = error.__cause__
            refusal = cause if isinstance(cause, OSError) else OSError(error.because)
            return Look(_refused(path, stored, refusal))
        except OSError as error:
            return Look(_refused(path, stored, error))
    return look


def holds(source: Readable, stored: Stored) -> bool:
    """Whether these are the very bytes of `stored`; reads no further than the first difference.

    Raises:
        OSError: They cannot be read.
    """
    known = stored.pieces
    size_bytes = known.size_bytes if known is not None else stored.size_bytes
    if not source.size_bytes == stored.size_bytes == size_bytes:
        return False
    whole = hashlib.sha256()
    for index in range(count_pieces(size_bytes)):
        content = source.read(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
        if known is None:
            whole.update(content)
        elif blake3(content).hexdigest() != known.digests[index]:
            return False
    return known is not None or whole.hexdigest() == stored.sha256


def measure_pieces(path: Path, progress: Progress) -> tuple[PieceMap, str]:
    """Piece map and SHA-256 digits of a file as it is now.

    Raises:
        OSError: It cannot be read.
    """
    with cold_file(path) as file:
        read = _read(file, progress, with_sha256=True)
    if read.refusal is not None or read.sha256 is None:
        raise read.refusal or OSError("it cannot be read")
    return PieceMap(read.size_bytes, tuple(read.digests)), read.sha256


@dataclass(slots=True)
class _Read:
    """What one pass over a file measured.

    Attributes:
        digests: A BLAKE3 a piece; empty for one that the disk refused.
        sha256: Digits of the whole, if that was asked for and every piece came.
        refusal: What the disk said last.
    """

    size_bytes: int
    mtime_ns: int
    digests: list[str] = field(default_factory=list)
    sha256: str | None = None
    refusal: OSError | None = None

    @property
    def lost(self) -> tuple[int, ...]:
        """Indices of the pieces that the disk refused."""
        return tuple(index for index, digest in enumerate(self.digests) if not digest)

    def damaged(self, known: PieceMap) -> tuple[int, ...]:
        """Indices of the known pieces that are not here, refused ones among them."""
        return tuple(
            index
            for index, digest in enumerate(known.digests)
            if index >= len(self.digests) or self.digests[index] != digest
        )


def _read(file: ColdFile, progress: Progress, *, with_sha256: bool) -> _Read:
    read = _Read(file.size_bytes, file.status.st_mtime_ns)
    whole = hashlib.sha256() if with_sha256 else None
    for piece in cold_pieces(file, range(count_pieces(file.size_bytes))):
        read.digests.append(piece.digest)
        read.refusal = piece.refusal or read.refusal
        if whole is not None:
            whole.update(piece.content)
        progress.advance(len(piece.content))
    if whole is not None and read.refusal is None:
        read.sha256 = whole.hexdigest()
    return read


def _judge(path: Path, read: _Read, stored: Stored) -> Look:
    if read.refusal is not None:
        return Look(_unreadable(path, read, stored))
    known = stored.pieces
    right = read.sha256 in {stored.sha256, None}
    if known is None:
        if right:
            return _well(path, read, stored)
        return Look(_edited(path, read, stored) or _other_bytes(path, read, stored))
    damaged = read.damaged(known)
    if damaged or read.size_bytes != known.size_bytes:
        edited = _edited(path, read, stored) if _is_in_header(damaged, stored) else None
        return Look(edited or _bad_pieces(path, read, known, stored))
    return _well(path, read, stored) if right else Look(_other_bytes(path, read, stored))


def _is_in_header(damaged: tuple[int, ...], stored: Stored) -> bool:
    """Whether any of these pieces holds some of the header that the file had."""
    return (
        stored.header is not None
        and bool(damaged)
        and min(damaged) * PIECE_BYTES < len(stored.header)
    )


def _well(path: Path, read: _Read, stored: Stored) -> Look:
    pieces = stored.pieces or PieceMap(read.size_bytes, tuple(read.digests))
    header = stored.header if stored.header is not None else header_of(path)
    learned = Stored(stored.sha256, read.size_bytes, pieces, header)
    finding = Finding(FindingKind.OK, stored.sha256, path, "every byte is as it was stored")
    return Look(finding, learned if learned != stored else None)


def _unreadable(path: Path, read: _Read, stored: Stored) -> Finding:
    because = read.refusal.strerror if read.refusal is not None else ""
    damaged = read.damaged(stored.pieces) if stored.pieces is not None else ()
    message = f"{len(read.lost)} of {len(read.digests)} pieces cannot be read: {because}"
    return Finding(FindingKind.UNREADABLE, stored.sha256, path, message, damaged)


def _refused(path: Path, stored: Stored, error: OSError) -> Finding:
    because = error.strerror or str(error)
    if error.errno in _GONE:
        message = f"its drive does not answer: {because}"
        return Finding(FindingKind.UNAVAILABLE, stored.sha256, path, message)
    return Finding(FindingKind.UNREADABLE, stored.sha256, path, f"it cannot be read: {because}")


def _bad_pieces(path: Path, read: _Read, known: PieceMap, stored: Stored) -> Finding:
    """Read what differs a second time: a disk repeats itself, a bad cable does not.

    Raises:
        OSError: It cannot be opened any more.
    """
    damaged = read.damaged(known)
    here = [index for index in damaged if index < len(read.digests)]
    second, refusal = _digests(path, here)
    if refusal is not None:
        return _refused_again(path, stored, refusal, damaged)
    right_now = [index for index in here if second[index] == known.digests[index]]
    if any(second[index] != read.digests[index] for index in here):
        still = tuple(index for index in damaged if index not in right_now)
        message = (
            f"two reads of {len(here)} pieces gave different bytes: "
            "suspect the drive, its cable or the memory"
        )
        return Finding(FindingKind.FLAKY_READ, stored.sha256, path, message, still)
    message = _damage(known, read.size_bytes, damaged)
    return Finding(FindingKind.ROT, stored.sha256, path, message, damaged)


def _digests(path: Path, indices: list[int]) -> tuple[dict[int, str], OSError | None]:
    digests: dict[int, str] = {}
    refusal: OSError | None = None
    with cold_file(path, direct=True) as file:
        for piece in cold_pieces(file, indices):
            digests[piece.index] = piece.digest
            refusal = piece.refusal or refusal
    return digests, refusal


def _refused_again(
    path: Path, stored: Stored, refusal: OSError, damaged: tuple[int, ...] = ()
) -> Finding:
    """What gave wrong bytes once and none the second time."""
    message = f"it gave wrong bytes, and cannot be read again: {refusal.strerror}"
    return Finding(FindingKind.UNREADABLE, stored.sha256, path, message, damaged)


def _other_bytes(path: Path, read: _Read, stored: Stored) -> Finding:
    """The same for a file of which only the SHA-256 is known.

    Raises:
        OSError: It cannot be opened any more.
    """
    with cold_file(path, direct=True) as file:
        again = _read(file, Progress(), with_sha256=True)
    if again.refusal is not None:
        return _refused_again(path, stored, again.refusal)
    if again.sha256 != read.sha256:
        message = "two reads gave different bytes: suspect the drive, its cable or the memory"
        return Finding(FindingKind.FLAKY_READ, stored.sha256, path, message)
    return Finding(FindingKind.ROT, stored.sha256, path, "its SHA-256 is another one now")


def _edited(path: Path, read: _Read, stored: Stored) -> Finding | None:
    """Whether only the header is another one: with that of then it is the file of then.

    Raises:
        OSError: It cannot be read any more.
    """
    if stored.header is None:
        return None
    with with_header_of_then(path, stored.header) as view:
        if view is None or not holds(view, stored):
            return None
    pieces = tuple(range(count_pieces(len(stored.header))))
    message = "its metadata was edited; every tensor is as it was stored"
    if read.size_bytes == stored.size_bytes and stored.pieces is not None:
        pieces = read.damaged(stored.pieces)
    return Finding(FindingKind.EDITED, stored.sha256, path, message, pieces)


def _damage(known: PieceMap, size_bytes: int, damaged: tuple[int, ...]) -> str:
    bad = sum(end - begin for begin, end in known.ranges(damaged))
    pieces = f"{len(damaged)} of {len(known.digests)} pieces differ ({bad:,} bytes to fetch again)"
    if size_bytes != known.size_bytes:
        return f"it has {size_bytes:,} bytes and had {known.size_bytes:,}; {pieces}"
    return pieces
