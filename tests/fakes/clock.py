"""A clock that stands still until somebody moves it."""

from datetime import UTC, datetime, timedelta

A_MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeClock:
    """Called like `datetime.now(UTC)`; `monotonic` moves along with it."""

    def __init__(self, now=A_MONDAY):
        self.now = now

    def __call__(self):
        return self.now

    def monotonic(self):
        return self.now.timestamp()

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)
