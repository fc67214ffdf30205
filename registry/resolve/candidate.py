"""The values of a choice: what competes, what was turned down, what came of it."""

from dataclasses import dataclass
from enum import StrEnum

from registry.domain.model import Model, ModelFile, ModelVersion


class Reason(StrEnum):
    """Why a file was not taken."""

    NOT_ASKED = "not-asked"
    WRONG_ROLE = "wrong-role"
    ARCHIVE = "archive"
    SEVERAL_FILES = "several-files"
    INPAINTING = "inpainting"
    OTHER_BASE = "other-base"
    WRONG_FORMAT = "wrong-format"
    UNSAFE_FORMAT = "unsafe-format"
    TOO_BIG = "too-big"
    NO_SOURCE = "no-source"
    OUTRANKED = "outranked"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file in its version."""

    version: ModelVersion
    file: ModelFile


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file that was not taken, and why in one sentence."""

    version: ModelVersion
    file: ModelFile
    reason: Reason
    because: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer for one model.

    Attributes:
        model: What was asked about.
        ranked: Files that would do, best first; the first is the choice.
        rejected: Every other file, and every file behind the first, with its reason.
    """

    model: Model
    ranked: tuple[Candidate, ...]
    rejected: tuple[Rejection, ...]

    @property
    def chosen(self) -> Candidate | None:
        """The file to take, None if nothing fits."""
        return self.ranked[0] if self.ranked else None
