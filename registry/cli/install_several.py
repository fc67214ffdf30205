"""Several models by one `sdreg install`: plan them all, ask once, and tell what became of each."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.install_report import plan_document, report_document, write_plan
from registry.cli.progress import progress_for_terminal
from registry.cli.smoke_command import EXIT_CODE, run_document, smoke_installed, write_run
from registry.cli.words import size
from registry.resolve.preference import Preference

if TYPE_CHECKING:
    from registry.errors import SdregError
    from registry.operations.install_many import Order, Outcome


@dataclass(frozen=True, slots=True)
class Several:
    """What was asked for."""

    registry: Registry
    orders: "tuple[Order, ...]"
    wish: Preference
    type_name: str | None
    keep_pickle: bool
    smoke: bool | None


def install_several(wanted: Several, *, at_once: int, dry_run: bool, yes: bool, json: bool) -> None:
    """Plan, ask, install, tell; ends with the exit code of the first model that failed."""
    planned = wanted.registry.plan_many(
        wanted.orders, wanted.wish, type=wanted.type_name, keep_pickle=wanted.keep_pickle
    )
    if not json:
        for outcome in planned:
            if outcome.plan is not None:
                write_plan(outcome.plan)
            else:
                _write_failure(outcome)
    if dry_run:
        if json:
            render.emit("sdreg.plans/1", {"plans": [_planned(outcome) for outcome in planned]})
        _leave(planned)
    to_do = sum(outcome.plan is not None for outcome in planned)
    if to_do and not yes and not json and sys.stdin.isatty():
        question = f"Install {to_do} of {len(planned)} models?"
        typer.confirm(question, default=True, abort=True)
    done = wanted.registry.install_many(
        planned, at_once=at_once, progress=progress_for_terminal(quiet=json)
    )
    reports = [outcome.report for outcome in done if outcome.report is not None]
    runs = smoke_installed(wanted.registry, reports, wanted=wanted.smoke, quiet=json)
    if json:
        tried = {"smoke": [run_document(run) for run in runs]} if runs else {}
        installs = [_document(wanted, each) for each in done]
        render.emit("sdreg.installs/1", {"installs": installs} | tried)
    else:
        render.write()
        for outcome in done:
            _write(outcome)
        for run in runs:
            write_run(run)
    _leave(done, 0 if all(run.has_passed for run in runs) else EXIT_CODE)


def _write(outcome: "Outcome") -> None:
    if outcome.report is None:
        _write_failure(outcome)
        return
    for done in outcome.report.files:
        proof = "proven" if done.install.proven else "not proven"
        name, length = done.install.file_name, size(done.blob.size_bytes)
        render.write(f"{done.status}: {name}, {length}, {proof}")
        render.facts([("note", "\n".join(done.notes))])


def _write_failure(outcome: "Outcome") -> None:
    render.write(f"failed: {outcome.order.reference}")
    if outcome.error is not None:
        render.facts([("why", str(outcome.error)), ("hint", outcome.error.hint or "")])


def _planned(outcome: "Outcome") -> dict[str, Any]:
    if outcome.plan is not None:
        return plan_document(outcome.plan)
    return _failure(outcome.order.reference, outcome.error)


def _document(wanted: Several, outcome: "Outcome") -> dict[str, Any]:
    if outcome.report is None:
        return _failure(outcome.order.reference, outcome.error)
    accepted = wanted.registry.disputes_accepted
    files = outcome.report.files
    return report_document(
        outcome.report, {done.blob.sha256: accepted(done.install) for done in files}
    )


def _failure(reference: str, error: "SdregError | None") -> dict[str, Any]:
    told = error and {
        "code": error.code,
        "message": str(error),
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    return {"reference": reference, "error": told}


def _leave(outcomes: "tuple[Outcome, ...]", otherwise: int = 0) -> None:
    codes = [outcome.error.exit_code for outcome in outcomes if outcome.error is not None]
    raise typer.Exit(codes[0] if codes else otherwise)
