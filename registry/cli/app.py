"""The command line: finds commands lazily, turns errors into a sentence and an exit code.

No command module is imported before it is called: `sdreg --help` shows the table below and costs
nothing more. A test keeps the table and the commands' own help in step.
"""

import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from registry.cli import render
from registry.cli.parameters import read_plainly
from registry.cli.signals import Stopping, heeded
from registry.domain.strangers_text import without_controls
from registry.errors import Interrupted, SdregError, StoreError

PROGRAM = "sdreg"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: the section it stands in, and what it does in a few words."""

    section: str
    about: str


COMMANDS: dict[str, Entry] = {
    "install": Entry("Models", "Download models, prove them, and link them into your UIs."),
    "list": Entry("Models", "List known models; installed ones are marked."),
    "search": Entry("Models", "Find models by name, trigger word or note."),
    "show": Entry("Models", "Show everything that is known about a model."),
    "why": Entry("Models", "Tell which file would be taken, and why not the others."),
    "inspect": Entry("Models", "Look inside a file, here or at a hub, and say what it is."),
    "path": Entry("Models", "Print where an installed model lies."),
    "link": Entry("Models", "Link installed models into the UIs that are configured."),
    "remove": Entry("Models", "Remove an installed model; files of yours stay."),
    "convert": Entry("Files", "Make a safetensors file from a pickle, or another precision."),
    "merge": Entry("Files", "Blend two or three models into one, as A1111 does."),
    "verify": Entry("Care", "Check installed models byte for byte."),
    "audit": Entry("Care", "Check that stored files are still what was stored."),
    "repair": Entry("Care", "Bring back only what is damaged, and put it right."),
    "export": Entry("Care", "Write what other programs check and repair models by."),
    "smoke": Entry("Care", "Try whether models make a picture."),
    "downloads": Entry("Care", "Show or drop downloads that are not finished."),
    "scan": Entry("Care", "Tell whether model files hold code, without running any."),
    "doctor": Entry("Care", "Look for trouble and name its remedy."),
    "gc": Entry("Care", "Throw away what is of no use any more."),
    "catalog": Entry("Setup", "Add to, refresh, export or check the catalog."),
    "config": Entry("Setup", "Show and change settings and UI folders."),
    "login": Entry("Setup", "Keep a token for Civitai or Hugging Face."),
    "logout": Entry("Setup", "Forget a token."),
    "demo": Entry("Setup", "See it all at work, without a network."),
}
EXIT_CODES = """
Exit codes: 0 done · 1 findings were reported (verify, audit, repair, export, doctor,
demo) · 2 wrong usage or unknown model · 3 no suitable file, or several · 4 a hub refused or
is out of reach · 5 the transfer failed or the bytes are wrong · 6 the disk refused ·
7 not a model file · 8 unsafe file · 9 not converted · 10 a smoke test was not passed ·
11 the catalog cannot be used · 12 a timer of the system or a notification refused ·
129 hung up · 130 interrupted · 143 terminated.
"""


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`, each imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The names are all that the base class asks of them: for "did you mean".
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- the base class passes it
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 -- as above
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"registry.cli.{cmd_name}_command")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        for each in _with_those_below(command):
            read_plainly(each)
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- as above
        """Write the table, section by section."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(name, e.about) for name, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


def _with_those_below(command: Any) -> Iterator[Any]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _with_those_below(below)


app = typer.Typer(
    cls=CommandGroup,
    name=PROGRAM,
    rich_markup_mode=None,
    no_args_is_help=True,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from registry.api import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(  # noqa: ARG001 -- its callback has printed it
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
    home: str = typer.Option(
        "", "--home", metavar="FOLDER", help="Holds everything, in place of SDREG_HOME."
    ),
) -> None:
    """One word in, the right Stable Diffusion model out, proven.

    `sdreg install anything-v3` finds the model, takes the right file, fetches it, proves every
    byte, and links it into your UIs. `sdreg COMMAND --help` tells more.
    """
    if home:
        from registry.settings import choose_home

        choose_home(home)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    if sys.stdout is None:  # closed by the caller: `sdreg list >&-`
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- as long as we live
    stdout = sys.stdout
    for stream in (stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a sign that a terminal lacks is no error
    with heeded(to_the_end=arguments is None) as stopping:
        given = list(sys.argv[1:] if arguments is None else arguments)
        stopping.code = _run(given, stdout, stopping)
    return stopping.code


def _run(given: list[str], stdout: TextIO, stopping: Stopping) -> int:
    try:
        code = _answer(given, stopping)
        stdout.flush()
    except BrokenPipeError:
        return _unheard(stdout)
    except OSError as error:
        # Everything of ours comes as SdregError: this is stdout itself, on a full disk, or a
        # terminal that was closed.
        _unheard(stdout)
        if stopping.is_asked:
            _unheard(sys.stderr)
            return stopping.error(PROGRAM, given).exit_code
        sys.stderr.write(f"{PROGRAM}: the output cannot be written: {error.strerror}\n")
        return StoreError.exit_code
    except SystemExit:
        # How a shell completion ends; and how typer leaves, with 1 and stdout wrapped, when the
        # reader went away.
        if sys.stdout is stdout:
            raise
        return _unheard(stdout)
    return code


def _unheard(stream: TextIO) -> int:
    """The reader went away (`sdreg list | head`): nothing is wrong, and nobody listens."""
    if stream is not sys.stderr:
        sys.stdout = stream
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 0


def _answer(given: list[str], stopping: Stopping) -> int:
    """Call the command. The only place that catches `SdregError`."""
    as_json = "--json" in given
    try:
        command = typer.main.get_command(app)
        read_plainly(command)
        outcome = command.main(args=given, prog_name=PROGRAM, standalone_mode=False)
    except SdregError as error:
        return _tell(
            error.code, str(error), error.hint, error.exit_code, as_json=as_json, facts=error.facts
        )
    except (typer.Abort, KeyboardInterrupt):
        return _stopped(given, stopping, as_json=as_json)
    except typer.TyperException as error:
        return _wrong_usage(error, as_json=as_json)
    code = outcome if isinstance(outcome, int) else 0
    if code == Interrupted.exit_code:
        return _stopped(given, stopping, as_json=as_json)
    return code


def _stopped(given: list[str], stopping: Stopping, *, as_json: bool) -> int:
    error = stopping.error(PROGRAM, given)
    said = error.code.replace("-", " ")
    return _tell(error.code, said, error.hint, error.exit_code, as_json=as_json)


def _wrong_usage(error: typer.TyperException, *, as_json: bool) -> int:
    code = int(getattr(error, "exit_code", 2))
    message = str(getattr(error, "message", "") or error)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message)
        return code
    path = context.command_path if context else PROGRAM
    format_message = getattr(error, "format_message", None)
    said = format_message() if format_message else message
    return _tell("usage", said, f"See `{path} --help`.", code, as_json=as_json)


def _tell(
    code: str,
    message: str,
    hint: str | None,
    exit_code: int,
    *,
    as_json: bool,
    facts: dict[str, Any] | None = None,
) -> int:
    if as_json:
        document = {
            "schema": "sdreg.error/1",
            "code": code,
            "message": message,
            "hint": hint,
            "exit_code": exit_code,
        } | ({"facts": facts} if facts else {})
        render.write_json(document)
    else:
        # What goes on is indented: a stranger's name cannot fake a line of ours.
        first, *others = without_controls(message, keep_lines=True).split("\n")
        typer.echo(f"{PROGRAM}: {first}", err=True)
        for line in others:
            typer.echo(f"  {line.strip()}", err=True)
        if hint:
            typer.echo(f"hint: {without_controls(hint)}", err=True)
    return exit_code
