"""Bytes that several reads agree on, while the catalog or the hub promises others."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry.domain.hashes import Hash


@dataclass(frozen=True, slots=True)
class Dispute:
    """What was promised of one file, and what was seen instead.

    Attributes:
        file_name: What its publisher calls it.
        promised: The hash that the catalog, the hub or the user named.
        seen: The SHA-256 of what really came.
        size_bytes: Length of what came.
        sources: Where it was read from, as `str(Source)`; one that was read twice stands once.
        seen_at: When, in aware UTC.
        cause: ``wrong-hash`` or ``replaced``.
        kept_at: Where the bytes were set aside; None if they were not.
        accepted_at: When the user accepted them; None if nobody did.
    """

    file_name: str
    promised: Hash
    seen: Hash
    size_bytes: int
    sources: tuple[str, ...]
    seen_at: datetime
    cause: str
    kept_at: Path | None = None
    accepted_at: datetime | None = None
