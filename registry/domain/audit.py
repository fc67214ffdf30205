"""What an audit can find about one stored file or link."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class FindingKind(StrEnum):
    """What is the matter. `OK` is a finding too: it is what a verified file has."""

    OK = "ok"
    EDITED = "edited"  # another header before the same tensors: somebody wrote metadata
    ROT = "rot"  # the bytes are not those that were stored
    FLAKY_READ = "flaky-read"  # two reads of the same bytes gave different ones
    UNREADABLE = "unreadable"
    MISSING = "missing"
    MOVED = "moved"  # not where it was, but found elsewhere by its hash
    UNAVAILABLE = "unavailable"  # the whole root is gone: an unplugged drive, not a lost file
    BROKEN_LINK = "broken-link"
    FOREIGN_FILE = "foreign-file"  # something that is not ours lies where our link was
    UNSOUND = "unsound"  # as it was stored, but no sound file of weights (deep audits look)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        kind: What is the matter.
        sha256: The blob it is about.
        path: The blob's path or the link's.
        message: One sentence.
        pieces: Indices of the pieces of the stored file that are not to be had here any more,
            where a piece map can tell.
        elsewhere: Where the file was found, if it moved; the records do not keep it.
    """

    kind: FindingKind
    sha256: str
    path: Path
    message: str
    pieces: tuple[int, ...] = ()
    elsewhere: Path | None = None

    @property
    def is_bad(self) -> bool:
        """Whether something should be done about it."""
        return self.kind is not FindingKind.OK


class Ending(StrEnum):
    """How an audit ended. One that was killed has no ending."""

    COMPLETE = "complete"
    BUDGET = "budget"  # its time or its bytes were used up
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class AuditRun:
    """One audit, as it is remembered.

    Attributes:
        began_at: Aware UTC.
        scope: ``all``, ``due``, ``subset``, ``named`` or ``repair``; empty for one of an older
            sdreg, of which nothing more is known.
        trigger: ``user`` or ``schedule``.
        deep: Whether structure and weights were looked at as well.
        checked: How many stored files.
        found: How many bad findings.
        remaining: How many files were left for the next time.
        seconds: How long it took, on a clock that nobody sets.
    """

    began_at: datetime
    scope: str
    trigger: str = "user"
    deep: bool = False
    checked: int = 0
    read_bytes: int = 0
    found: int = 0
    remaining: int = 0
    seconds: float = 0.0
    ending: Ending | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class PastFinding:
    """A finding of some time ago.

    Attributes:
        found_at: Aware UTC.
        settled_at: When it was mended, or seen to be right again.
    """

    finding: Finding
    found_at: datetime
    settled_at: datetime | None
