"""Smoke tests: every run with its verdict and figures."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from registry.catalog import smoke_writing
from registry.catalog.database import Database
from registry.catalog.reading import Row
from registry.domain.smoke import Reason, SmokeResult, SmokeRun


class SmokeRecords:
    """Smoke runs in and out of the database. None is ever erased."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, key: str) -> SmokeRun | None:
        """The newest run of this subject."""
        return self._newest("key = ?", (key,))

    def last_good(
        self, key: str, device: str, seed: int, base: str | None = None
    ) -> SmokeRun | None:
        """The newest run that passed on this kind of device, with this seed and base."""
        where = "key = ? AND verdict = 'passed' AND device = ? AND seed = ? AND base IS ?"
        return self._newest(where, (key, device, seed, base))

    def add(self, run: SmokeRun) -> None:
        """Keep a run."""
        smoke_writing.add(self._database, run)

    def _newest(self, where: str, parameters: Sequence[object]) -> SmokeRun | None:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM smoke_runs WHERE {where} ORDER BY id DESC LIMIT 1",  # noqa: S608 - conditions of this module
            parameters,
        )
        return _run(rows[0]) if rows else None


_COLUMNS = (
    "key, target, ran_at, verdict, reasons, seconds, figures, device, dtype, steps, width, height, "
    "seed, peak_memory_bytes, picture, picture_hash, compared, versions, base"
)


def _run(row: Row) -> SmokeRun:
    result = SmokeResult(
        verdict=row[3],
        reasons=tuple(Reason(each["code"], each["message"]) for each in json.loads(row[4])),
        seconds=json.loads(row[5]),
        figures=json.loads(row[6]),
        device=row[7],
        dtype=row[8],
        steps=row[9],
        size=(row[10], row[11]) if row[10] is not None else None,
        seed=row[12],
        peak_memory_bytes=row[13],
        picture=Path(row[14]) if row[14] else None,
        picture_hash=row[15],
        versions=json.loads(row[17]),
        base=row[18],
    )
    return SmokeRun(row[0], row[1], datetime.fromisoformat(row[2]), result, row[16])
