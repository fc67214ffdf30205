"""What audits found: every run with its findings, and which of them still wait for a repair."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from registry.catalog import audit_writing
from registry.catalog.database import Database
from registry.catalog.instants import from_text
from registry.catalog.reading import Row
from registry.domain.audit import AuditRun, Ending, Finding, FindingKind, PastFinding

_FULL = ("all", "due")


class AuditRecords:
    """Audit runs and findings in and out of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    def begin(self, run: AuditRun) -> int:
        """Begin a run; its number."""
        return audit_writing.begin(self._database, run)

    def record(self, run: AuditRun, findings: Iterable[Finding], at: datetime) -> None:
        """Add everything that was found about one stored file, and what the run came to with it.

        An `OK` also notes when the file was verified. What was found about it before and is not
        bad any more is settled.
        """
        audit_writing.record(self._database, run, tuple(findings), at)

    def finish(self, run: AuditRun, at: datetime) -> None:
        """End a run; one without an end was killed."""
        audit_writing.finish(self._database, run, at)

    def settle(self, sha256: str, path: Path | None = None, *, at: datetime) -> int:
        """Note that what was found about a blob, or at one path of it, is repaired.

        Returns:
            How many findings were open.
        """
        return audit_writing.settle(self._database, sha256, path, at)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def latest_findings(self) -> tuple[Finding, ...]:
        """The newest finding of every place, where it is bad and not settled; oldest first.

        Of files that are not installed any more nothing is told.
        """
        return tuple(past.finding for past in self._past(_OPEN, ()))

    def history(self, sha256s: Collection[str], *, limit: int) -> tuple[PastFinding, ...]:
        """What was found about these files, good or bad; newest first."""
        return self._past(_HISTORY, (json.dumps(sorted(sha256s)), limit))

    def checked_at(self) -> Mapping[str, datetime]:
        """When each stored file was last looked at, whatever was found."""
        # Not the greatest moment: one that a wrong clock wrote would hide all that come after it.
        rows = self._database.rows("SELECT sha256, found_at, max(id) FROM findings GROUP BY sha256")
        return {sha256: _moment(text) for sha256, text, _ in rows}

    def runs(self, *, limit: int) -> tuple[AuditRun, ...]:
        """The last runs, newest first."""
        rows = self._database.rows(f"{_RUNS} ORDER BY id DESC LIMIT ?", (limit,))
        return tuple(_run(row) for row in rows)

    def round_began_at(self) -> datetime | None:
        """When the round began in which audits of everything are; None if there was none.

        It begins after the last one that came to its end, else with the first.
        """
        rows = self._database.rows(f"{_RUNS} WHERE scope IN (?, ?) ORDER BY id DESC", _FULL)
        began: datetime | None = None
        for row in rows:
            run = _run(row)
            if run.ending is Ending.COMPLETE:
                return from_text(row[11]) or run.began_at
            began = run.began_at
        return began

    def _past(self, query: str, parameters: Sequence[object]) -> tuple[PastFinding, ...]:
        rows = self._database.rows(query, parameters)
        pieces: dict[int, list[int]] = defaultdict(list)
        for number, piece in self._database.rows(_PIECES, (json.dumps([row[0] for row in rows]),)):
            pieces[number].append(piece)
        return tuple(
            PastFinding(
                Finding(FindingKind(kind), digits, Path(path), message, tuple(pieces[number])),
                _moment(found_at),
                from_text(settled_at),
            )
            for number, kind, digits, path, message, found_at, settled_at in rows
        )


def _run(row: Row) -> AuditRun:
    number, began_at, scope, trigger, deep, checked, read_bytes, found, left, seconds, ending, _ = (
        row
    )
    return AuditRun(
        began_at=_moment(began_at),
        scope=scope or "",
        trigger=trigger or "user",
        deep=bool(deep),
        checked=checked or 0,
        read_bytes=read_bytes or 0,
        found=found or 0,
        remaining=left or 0,
        seconds=seconds or 0.0,
        ending=Ending(ending) if ending else None,
        id=number,
    )


def _moment(text: str) -> datetime:
    return from_text(text) or datetime.min.replace(tzinfo=UTC)


_RUNS = """
    SELECT id, began_at, scope, trigger, deep, checked, read_bytes, found, remaining, seconds,
        ending, finished_at
    FROM audit_runs"""
_OPEN = """
    SELECT id, kind, sha256, path, message, found_at, settled_at FROM findings
    WHERE id IN (SELECT max(id) FROM findings GROUP BY sha256, path)
        AND kind <> 'ok' AND settled_at IS NULL
        AND sha256 IN (SELECT sha256 FROM installs WHERE state = 'complete')
    ORDER BY id"""
_HISTORY = """
    SELECT id, kind, sha256, path, message, found_at, settled_at FROM findings
    WHERE sha256 IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT ?"""
_PIECES = """
    SELECT finding_id, piece FROM finding_pieces
    WHERE finding_id IN (SELECT value FROM json_each(?)) ORDER BY 1, 2"""
