"""`sdreg smoke`."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag, complete_installed
from registry.cli.progress import progress_for_terminal
from registry.cli.words import size
from registry.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from registry.domain.smoke import SmokeRun
    from registry.operations.install import InstallReport

app = typer.Typer(rich_markup_mode=None, add_completion=False)
EXIT_CODE = 10
_DEVICES = ("auto", "cuda", "mps", "cpu")


@app.command()
def smoke(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL|FILE",
            help="Installed models, or files of weights.",
            autocompletion=complete_installed,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every installed model.")] = False,
    due: Annotated[
        str | None,
        typer.Option(
            "--due", metavar="TIME", help="Only what was not tried for so long: 90d, 2w, 12h."
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="FILE|MODEL", help="The checkpoint that adapters are tried on."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="cuda, mps or cpu; auto takes the quickest.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")] = 1,
    json: JsonFlag = False,
) -> None:
    """Try whether models make a picture.

    Looks at every weight first, then paints a small picture in a process of its own, without any
    network. Exits with 10 unless all of them pass; docs/smoke.md says what a pass means.
    """
    if device not in _DEVICES:
        known = ", ".join(_DEVICES)
        raise InvalidArgument(f"--device {device}", "is no device", f"It may be {known}.")
    if bool(targets) == everything:
        raise InvalidArgument(
            "smoke", "needs models or files, or --all", "For example: sdreg smoke anything-v3"
        )
    registry = Registry.open()
    runs = registry.smoke(
        targets or (),
        due=_span(due),
        base=base,
        device=device,
        seed=seed,
        progress=progress_for_terminal(quiet=json),
    )
    if json:
        render.emit("sdreg.smoke/1", {"runs": [run_document(run) for run in runs]})
    else:
        for run in runs:
            write_run(run)
        if not runs:
            render.write("nothing is due")
    if not all(run.has_passed for run in runs):
        raise typer.Exit(EXIT_CODE)


def run_words(run: "SmokeRun") -> str:
    """One run in a few words, for those who look at the model."""
    result = run.result
    reasons = "".join(f": {reason.message}" for reason in result.reasons[:1])
    words = f"{result.verdict} on {run.at:%Y-%m-%d}{reasons}"
    return "\n".join(filter(None, (words, str(result.picture or ""))))


def write_run(run: "SmokeRun") -> None:
    """One run, for people."""
    result = run.result
    render.write(f"{result.verdict:<10} {run.target}")
    reasons = "\n".join(reason.message for reason in result.reasons)
    seconds = sum(result.seconds.values())
    how = ""
    if result.device is not None:
        how = f"{result.device}, {result.dtype}, {result.steps or 1} steps"
        how += f", {result.size[0]} × {result.size[1]} pixels" if result.size else ""
        how += f", {seconds:.1f} s, {size(result.peak_memory_bytes)}"
    render.facts(
        [
            ("but" if run.has_passed else "why", reasons),
            ("tried on", how),
            ("base", result.base or ""),
            ("before", _COMPARED.get(run.compared or "", "")),
            ("picture", str(result.picture or "")),
        ]
    )


_COMPARED = {
    "same": "the same picture as last time",
    "close": "nearly the same picture as last time",
    "changed": "another picture than last time: the model, or what runs it, has changed",
}


def run_document(run: "SmokeRun") -> dict[str, object]:
    """One run, for programs."""
    result = run.result
    return {
        "target": run.target,
        "verdict": result.verdict,
        "reasons": [{"code": reason.code, "message": reason.message} for reason in result.reasons],
        "device": result.device,
        "dtype": result.dtype,
        "steps": result.steps,
        "size": list(result.size) if result.size else None,
        "seed": result.seed,
        "seconds": result.seconds,
        "peak_memory_bytes": result.peak_memory_bytes,
        "image": str(result.picture) if result.picture else None,
        "image_hash": result.picture_hash,
        "compared": run.compared,
        "figures": result.figures,
        "versions": result.versions,
        "base": result.base,
        "at": run.at.isoformat(),
    }


def smoke_installed(
    registry: Registry, reports: "Sequence[InstallReport]", *, wanted: bool | None, quiet: bool
) -> "tuple[SmokeRun, ...]":
    """Try what an install brought; None means: what is new, where a GPU and the extra are there."""
    asked_for = bool(wanted)
    if wanted is None:
        from registry.smoke.run import has_extra, has_gpu

        wanted = has_extra() and has_gpu()
    fresh = [
        done.install.sha256
        for report in reports
        for done in report.files
        if asked_for or done.status != "already-installed"
    ]
    if not wanted or not fresh:
        return ()
    return registry.smoke(fresh, progress=progress_for_terminal(quiet=quiet))


def _span(text: str | None) -> "timedelta | None":
    if text is None:
        return None
    from registry.domain.spans import parse_span

    try:
        return parse_span(text)
    except ValueError as error:
        raise InvalidArgument(
            f"--due {text}", "is no length of time", "Write 90d, 2w or 12h."
        ) from error
