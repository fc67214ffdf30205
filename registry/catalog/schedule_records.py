"""The schedule of audits: one, kept with what the next decision counts from."""

import json
from dataclasses import dataclass
from datetime import datetime

from registry.catalog import meta
from registry.catalog.database import Database
from registry.catalog.instants import from_text, to_text

_KEY = "audit_schedule"


@dataclass(frozen=True, slots=True)
class KeptSchedule:
    """What the user wants, and when it was last done.

    Attributes:
        every: As it was typed, for example ``30d``.
        at: Local time, ``03:00``.
        time_limit: As it was typed, None for no limit.
        on_finding: ``report`` or ``repair``.
        made_at: Aware UTC.
        last_began: When the last scheduled run began.
    """

    every: str
    at: str
    time_limit: str | None
    on_finding: str
    made_at: datetime
    last_began: datetime | None = None


class ScheduleRecords:
    """The schedule in and out of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> KeptSchedule | None:
        """The schedule; None if there is none."""
        text = meta.kept(self._database, _KEY)
        if text is None:
            return None
        told = json.loads(text)
        return KeptSchedule(
            told["every"],
            told["at"],
            told["time_limit"],
            told["on_finding"],
            datetime.fromisoformat(told["made_at"]),
            from_text(told["last_began"]),
        )

    def keep(self, schedule: KeptSchedule) -> None:
        """Keep a schedule instead of the one before."""
        last = schedule.last_began
        text = json.dumps(
            {
                "every": schedule.every,
                "at": schedule.at,
                "time_limit": schedule.time_limit,
                "on_finding": schedule.on_finding,
                "made_at": to_text(schedule.made_at),
                "last_began": to_text(last) if last else None,
            }
        )
        with self._database.transaction() as transaction:
            meta.keep(transaction, _KEY, text)

    def drop(self) -> None:
        """Forget the schedule."""
        with self._database.transaction() as transaction:
            meta.drop(transaction, _KEY)
