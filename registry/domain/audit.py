"""What an audit can find about one stored file or link."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FindingKind(StrEnum):
    """What is the matter. `OK` is a finding too: it is what a verified file has."""

    OK = "ok"
    DAMAGED = "damaged"  # the bytes are not those that were stored
    MISSING = "missing"
    UNREADABLE = "unreadable"
    UNAVAILABLE = "unavailable"  # the whole root is gone: an unplugged drive, not a lost file
    BROKEN_LINK = "broken-link"
    FOREIGN = "foreign"  # something that is not ours lies where our link was


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        kind: What is the matter.
        sha256: The blob it is about.
        path: The blob's path or the link's.
        message: One sentence.
        pieces: Indices of the damaged pieces, where a piece map can tell.
    """

    kind: FindingKind
    sha256: str
    path: Path
    message: str
    pieces: tuple[int, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether something should be done about it."""
        return self.kind is not FindingKind.OK
