"""How one thing is, and what was done about it: the lines of the doctor's report."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from registry.errors import SdregError


class Health(StrEnum):
    """How one thing is."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        remedy: What to do about it; None if nothing needs to be done.
    """

    what: str
    health: Health
    says: str
    remedy: str | None = None

    @classmethod
    def of(cls, error: SdregError) -> "Check":
        """What could not even be looked at."""
        return cls(error.code, Health.BAD, str(error), error.hint)


@dataclass(frozen=True, slots=True)
class Fixed:
    """One thing that was put right, or was to be.

    Attributes:
        done: It is right now; otherwise `says` tells why not.
        kept_at: Where what was in the way lies now.
    """

    what: str
    says: str
    done: bool = True
    kept_at: Path | None = None
