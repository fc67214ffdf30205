"""What one smoke test is asked, and what it answers: values that a child process can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SmokeTask:
    """One model to try. `model_type` and `architecture` are slugs of `taxonomy/`.

    `base` is the checkpoint that an adapter is tried on. `clip_skip` counts as A1111 does: 1 is the
    last layer. `device` is `auto`, `cpu`, `cuda` or `mps`. `picture` is where the PNG is written.
    """

    target: Path
    model_type: str
    architecture: str
    picture: Path
    device: str = "auto"
    base: Path | None = None
    clip_skip: int | None = None
    prediction: str | None = None
    trigger: str | None = None
    seed: int = 1
    threads: int | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a model did not pass, or could not be tested. `code` is stable, such as `no-effect`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What one run showed. `verdict`: `passed`, `failed`, `untestable`; `size` in pixels."""

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
