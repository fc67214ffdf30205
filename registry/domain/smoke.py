"""What one smoke test is asked, and what it answers: values that a child process can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SmokeTask:
    """One model to try, by its `name`. `model_type` and `architecture` are slugs of `taxonomy/`.

    `base` is the checkpoint that an adapter is tried on. `clip_skip` counts as A1111 does: 1 is the
    last layer. `device` is `auto`, `cpu`, `cuda` or `mps`. `picture` is where the PNG is written.
    """

    target: Path
    name: str
    model_type: str
    architecture: str
    picture: Path
    device: str = "auto"
    base: Path | None = None
    clip_skip: int | None = None
    prediction: str | None = None
    seed: int = 1
    threads: int | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a model did not pass, could not be tested, or passed in part. `code` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What one run showed. `verdict`: `passed`, `failed`, `untestable`; `size` in pixels.

    `base` is the checkpoint that an adapter was tried on, as a path.
    """

    verdict: str
    reasons: tuple[Reason, ...] = ()
    device: str | None = None
    dtype: str | None = None
    steps: int | None = None
    size: tuple[int, int] | None = None
    seed: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    picture: Path | None = None
    picture_hash: str | None = None
    figures: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    base: str | None = None


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """One smoke test as it is recorded.

    Attributes:
        key: What was tried: ``sha256:…`` of stored bytes, else the path of the user's file.
        target: The same as people call it.
        at: When.
        compared: ``same``, ``close`` or ``changed`` against the last good run on such a device;
            None where there is none to compare with.
    """

    key: str
    target: str
    at: datetime
    result: SmokeResult
    compared: str | None = None

    @property
    def has_passed(self) -> bool:
        """Whether it is a pass; what cannot be tested is none."""
        return self.result.verdict == "passed"
