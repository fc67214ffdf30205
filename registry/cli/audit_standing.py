"""How the stored files stand, and what was found before: as JSON documents and as tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.cli import render
from registry.cli.audit_words import finding_document, run_document, span
from registry.cli.words import size
from registry.domain.audit import AuditRun, Ending, PastFinding

if TYPE_CHECKING:
    from registry.operations.standing import FileStanding, Standing

_ENDINGS = {
    Ending.COMPLETE: "to the end",
    Ending.BUDGET: "its budget was used up",
    Ending.INTERRUPTED: "interrupted",
    None: "not finished",
}


def standing_document(now_is: "Standing") -> dict[str, object]:
    """The whole in figures."""
    return {
        "files": len(now_is.files),
        "never_verified": now_is.never_verified,
        "oldest_at": _iso(now_is.oldest_at),
        "next_at": _iso(now_is.next_at),
        "last": run_document(now_is.last) if now_is.last is not None else None,
        "findings": [
            {"reference": file.install.reference, **finding_document(finding)}
            for file in now_is.files
            for finding in file.findings
        ],
    }


def write_standing(now_is: "Standing") -> None:
    """The same for people."""
    last, next_at = now_is.last, now_is.next_at
    render.facts(
        [
            ("files", str(len(now_is.files))),
            ("not yet found right", str(now_is.never_verified) if now_is.never_verified else ""),
            ("oldest check", moment(now_is.oldest_at) if now_is.oldest_at else ""),
            ("last audit", f"{moment(last.began_at)}, {ending_words(last)}" if last else "none"),
            ("next audit", moment(next_at) if next_at else "none is scheduled"),
            ("known bad", str(len(now_is.findings)) if now_is.findings else "nothing"),
        ]
    )
    for file in now_is.files:
        for finding in file.findings:
            render.write(f"{finding.kind:<12} {file.install.file_name}: {finding.message}")
            render.write(f"{'':<12} {finding.path}")


def file_document(file: "FileStanding") -> dict[str, object]:
    """One stored file."""
    return {
        "reference": file.install.reference,
        "file_name": file.install.file_name,
        "sha256": file.install.sha256,
        "size_bytes": file.install.size_bytes,
        "verified_at": _iso(file.verified_at),
        "checked_at": _iso(file.checked_at),
        "findings": [finding_document(finding) for finding in file.findings],
    }


def write_files(now_is: "Standing") -> None:
    """A table of all stored files, bad ones first."""
    rows = [
        (
            file.install.file_name,
            size(file.install.size_bytes),
            moment(file.verified_at) if file.verified_at else "never",
            state_words(file),
        )
        for file in now_is.files
    ]
    render.table(("file", "size", "found right", "state"), rows, right=1)


def state_words(file: "FileStanding") -> str:
    """What is the matter with one file, in a few words."""
    if file.findings:
        return ", ".join(f"{finding.kind}: {finding.message}" for finding in file.findings)
    return "ok" if file.verified_at is not None else "not checked yet"


def write_runs(runs: Sequence[AuditRun]) -> None:
    """A table of audits, the newest first."""
    if not runs:
        render.write("no audit was run yet")
        return
    rows = [run_cells(run) for run in runs]
    render.table(("began", "of", "by", "files", "read", "took", "found", "ended"), rows)


def run_cells(run: AuditRun) -> tuple[str, ...]:
    """A run in a table: began, of, by, files, read, took, found, ended."""
    return (
        moment(run.began_at),
        run.scope + (" (deep)" if run.deep else "") or "–",
        run.trigger,
        str(run.checked),
        size(run.read_bytes),
        span(run.seconds),
        str(run.found),
        ending_words(run),
    )


def past_document(past: PastFinding) -> dict[str, object]:
    """A finding of some time ago."""
    return {
        **finding_document(past.finding),
        "found_at": _iso(past.found_at),
        "settled_at": _iso(past.settled_at),
    }


def write_past(past: Sequence[PastFinding]) -> None:
    """What was found about one model, the newest first."""
    if not past:
        render.write("it was not checked yet")
        return
    rows = [
        (
            moment(each.found_at),
            each.finding.kind,
            moment(each.settled_at) if each.settled_at else "",
            each.finding.message,
        )
        for each in past
    ]
    render.table(("found", "kind", "settled", "what"), rows)


def ending_words(run: AuditRun) -> str:
    """How a run ended."""
    left = f", {run.remaining} left" if run.remaining else ""
    return f"{_ENDINGS[run.ending]}{left}"


def moment(instant: datetime) -> str:
    """A point in time as the clock on the wall has it."""
    return f"{instant.astimezone():%Y-%m-%d %H:%M}"


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None
