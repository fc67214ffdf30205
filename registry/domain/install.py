"""What is on this disk: blobs, the links to them, and the record of both."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from registry.domain.hashes import Hashes
from registry.domain.pieces import PieceMap


class LinkMethod(StrEnum):
    """How a name in a UI's folder leads to the stored bytes; best first."""

    REFLINK = "reflink"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    COPY = "copy"

    @property
    def has_own_bytes(self) -> bool:
        """Whether the name leads to bytes of its own; the others lead to those of the store."""
        return self in {LinkMethod.REFLINK, LinkMethod.COPY}


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that arrived whole and was hashed on the way, not yet under a final name.

    Attributes:
        path: Where the bytes lie now.
        size_bytes: How many.
        hashes: Everything that was measured; always a SHA-256 and a BLAKE3.
        pieces: A hash per piece.
        fetched_bytes: How many came over the network this time.
        changed: Its source had another file, by its version tag, when this download began.
    """

    path: Path
    size_bytes: int
    hashes: Hashes
    pieces: PieceMap
    fetched_bytes: int
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the store under their own hash."""

    sha256: str
    path: Path
    size_bytes: int
    blake3: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one file belongs in one UI: the layout's name and the wished path."""

    layout: str
    path: Path


@dataclass(frozen=True, slots=True)
class Link:
    """A name in a folder of a UI that leads to a blob."""

    layout: str
    path: Path
    sha256: str
    method: LinkMethod


@dataclass(frozen=True, slots=True)
class Install:
    """One installed file: what it is, where it came from, where it is linked.

    Attributes:
        reference: What the user asked for.
        slug: The catalog's model, None for a file that no catalog knows.
        model_type: Slug of the type that decided the folders.
        file_name: The name it goes by in the folders.
        file_id: Row of the catalog's file, if there is one.
        sha256: Name of its blob.
        source: Where the bytes came from, as `str(Source)`.
        proven: Whether a hash known beforehand was matched.
        installed_at: Aware UTC.
        derived_from: SHA-256 of the file that the blob was converted from.
    """

    reference: str
    slug: str | None
    model_type: str
    file_name: str
    file_id: int | None
    sha256: str
    size_bytes: int
    source: str
    proven: bool
    installed_at: datetime
    links: tuple[Link, ...] = ()
    id: int | None = None
    derived_from: str | None = None
