"""Points in time as the catalog writes them: ISO 8601 in UTC, so that texts sort like times."""

from datetime import UTC, datetime


def to_text(instant: datetime) -> str:
    """Write an aware time.

    Example:
        >>> to_text(datetime(2026, 1, 2, tzinfo=UTC))
        '2026-01-02T00:00:00.000000+00:00'
    """
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def from_text(text: str | None) -> datetime | None:
    """Read what `to_text` wrote; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def stamp(instant: datetime) -> str:
    """A time for a file name.

    Example:
        >>> stamp(datetime(2026, 1, 2, tzinfo=UTC))
        '20260102T000000000000Z'
    """
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
