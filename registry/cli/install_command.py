"""`sdreg install`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.install_report import plan_document, report_document, write_plan, write_report
from registry.cli.install_several import Several, install_several
from registry.cli.options import (
    FileOption,
    FormatOption,
    FullFlag,
    JsonFlag,
    ModelsArgument,
    PickleFlag,
    PreferOption,
    TypeOption,
    VersionOption,
)
from registry.cli.progress import progress_for_terminal
from registry.cli.smoke_command import EXIT_CODE, run_document, smoke_installed, write_run
from registry.cli.wish import wish_from
from registry.errors import InvalidArgument

if TYPE_CHECKING:
    from registry.operations.install_many import Order

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def install(
    models: ModelsArgument = None,
    prefer: PreferOption = None,
    full: FullFlag = None,
    format_name: FormatOption = None,
    file: FileOption = None,
    version: VersionOption = None,
    allow_pickle: PickleFlag = None,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", help="The hash that the file must have, for any address."),
    ] = None,
    accept_disputed: Annotated[
        str | None,
        typer.Option(
            "--accept-disputed",
            metavar="SHA256",
            help="Accept these bytes where the promised hash is disputed; name what was seen.",
        ),
    ] = None,
    type_name: TypeOption = None,
    keep_pickle: Annotated[
        bool, typer.Option("--keep-pickle", help="Link a pickle as it is; else it is converted.")
    ] = False,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            metavar="LIST",
            help="Also what this file lists: one model a line, behind it its SHA-256 if known.",
        ),
    ] = None,
    at_once: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=32, help="So many models at the same time.")
    ] = 4,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, and do nothing.")
    ] = False,
    smoke: Annotated[
        bool | None,
        typer.Option(
            "--smoke/--no-smoke",
            help="Try whether it makes a picture; left out, where a GPU and the extra are there.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
) -> None:
    """Download models, prove them, and link them into your UIs.

    Shows the plan first: which file and why, how many bytes, where to. What is there already is
    not fetched again; what was interrupted goes on where it was. Of several models, one that
    fails does not stop the others.
    """
    orders = _orders(models or [], from_file, sha256)
    registry = Registry.open()
    wish = wish_from(
        registry,
        prefer=prefer,
        full=full,
        format_name=format_name,
        file=file,
        version=version,
        allow_pickle=allow_pickle,
    )
    if len(orders) > 1:
        if file or version or accept_disputed:
            option = "--file" if file else "--version" if version else "--accept-disputed"
            raise InvalidArgument(option, "is about one model", "Install that one by itself.")
        wanted = Several(registry, orders, wish, type_name, keep_pickle=keep_pickle, smoke=smoke)
        install_several(wanted, at_once=at_once, dry_run=dry_run, yes=yes, json=json)
        return
    (order,) = orders
    plan = registry.plan_install(
        order.reference,
        wish,
        sha256=order.sha256,
        accept_disputed=accept_disputed,
        type=type_name,
        keep_pickle=keep_pickle,
    )
    if json and dry_run:
        render.emit("sdreg.plan/1", plan_document(plan))
        return
    if not json:
        write_plan(plan)
    if dry_run:
        return
    to_do = any(step.present is None for step in plan.steps)
    if to_do and not yes and not json and sys.stdin.isatty():
        typer.confirm("Install?", default=True, abort=True)
    report = registry.install(plan, progress=progress_for_terminal(quiet=json))
    disputes = {done.blob.sha256: registry.disputes_accepted(done.install) for done in report.files}
    runs = smoke_installed(registry, [report], wanted=smoke, quiet=json)
    if json:
        tried = {"smoke": [run_document(run) for run in runs]} if runs else {}
        render.emit("sdreg.install/1", report_document(report, disputes) | tried)
    else:
        write_report(report, disputes)
        for run in runs:
            write_run(run)
    if not all(run.has_passed for run in runs):
        raise typer.Exit(EXIT_CODE)


def _orders(models: list[str], from_file: Path | None, sha256: str | None) -> "tuple[Order, ...]":
    from registry.operations.install_many import Order, read_orders

    if sha256 is not None and (len(models) != 1 or from_file is not None):
        advice = "In a list, each hash stands behind its model."
        raise InvalidArgument("--sha256", "is the hash of one file", advice)
    orders = tuple(Order(model, sha256) for model in models)
    if from_file is not None:
        try:
            orders += read_orders(from_file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            because = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
            advice = "It is a text with one model a line."
            raise InvalidArgument(f"--from-file {from_file}", because, advice) from error
    if not orders:
        raise InvalidArgument("MODEL", "is missing", "Name a model, or a list with --from-file.")
    return tuple(dict.fromkeys(orders))
