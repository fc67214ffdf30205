"""The frame of every command: finding it, refusing in sentences, ending in order."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry import __version__
from registry.api import Registry
from registry.cli.app import COMMANDS
from registry.errors import HashMismatch

ROOT = Path(__file__).parents[2]
FORMS = (
    "Use a name (anything-v3), civitai:ID@VERSION+FILE, hf:owner/repo@rev:path, urn:air:…, "
    "an https:// address, or sha256:…"
)


def process(*arguments, **options):
    """A whole process, in the environment of this test."""
    return subprocess.run(
        [sys.executable, "-m", "registry", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        check=False,
        **{"capture_output": True, **options},
    )


# ── help ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_shows_every_command_in_its_section(sdreg, words):
    out = sdreg(*words).out

    for name, entry in COMMANDS.items():
        assert f"\n{entry.section}:\n" in out
        assert f"  {name}" in out
        assert entry.about in out


def test_without_a_word_help_is_shown_and_that_is_wrong_usage(sdreg):
    assert sdreg(expect=2).out.startswith("Usage: sdreg [OPTIONS] COMMAND [ARGS]...")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_and_knows_json(sdreg, name):
    out = sdreg(name, "--help").out

    assert out.startswith(f"Usage: sdreg {name}")
    if name not in {"audit", "catalog"}:  # their own commands do
        assert "--json" in out


def test_every_command_below_a_command_knows_json(sdreg):
    for group in ("catalog", "config", "downloads"):
        module = importlib.import_module(f"registry.cli.{group}_command")
        for command in module.app.registered_commands:
            name = command.name or command.callback.__name__
            assert "--json" in sdreg(group, name, "--help").out


def test_help_fits_a_narrow_terminal(sdreg, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")

    assert max(map(len, sdreg("--help").lines)) <= 50


def test_the_version(sdreg):
    assert sdreg("--version").out == f"sdreg {__version__}\n"


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["lis"], "No such command 'lis'. Did you mean 'list'?", "See `sdreg --help`."),
        (["catalog", "nonsense"], "No such command 'nonsense'.", "See `sdreg catalog --help`."),
        (["list", "--nonsense"], "No such option: --nonsense", "See `sdreg list --help`."),
        (["show"], "Missing argument 'MODEL'.", "See `sdreg show --help`."),
        (["show", "a", "b"], "Got unexpected extra argument(s) (b)", "See `sdreg show --help`."),
        (
            ["show", "foo:bar"],
            "'foo:bar' is not a reference to a model: foo: is not a form that we know",
            FORMS,
        ),
    ],
)
def test_wrong_usage_is_a_sentence_and_a_hint(sdreg, words, sentence, hint):
    assert sdreg.error(*words, expect=2) == (sentence, hint)


@pytest.mark.parametrize("command", ["show", "why", "install"])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("anythin-v3", "anything-v3"), ("easynegativ", "easynegative"), ("dreamshapr", "dreamshaper")],
)
def test_a_typo_is_asked_about(sdreg, command, typed, meant):
    sentence, hint = sdreg.error(command, typed, expect=2)

    assert sentence == f"the catalog knows no model called '{typed}'"
    assert hint.startswith(f"Did you mean {meant}")


def test_a_name_like_no_other_gets_a_way_on(sdreg):
    assert sdreg.error("show", "zzqqxxyy", expect=2) == (
        "the catalog knows no model called 'zzqqxxyy'",
        "Try `sdreg search zzqqxxyy`, or give a reference such as civitai:66.",
    )


def test_an_error_keeps_its_lines_and_loses_what_drives_a_terminal(sdreg, monkeypatch):
    evil = "a\x1b[2Jb\x9b2Jc\u202ed"
    error = HashMismatch(evil, expected="1", got="2", source=evil)

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Registry, "open", refuse)
    sentence, _ = sdreg.error("list", expect=5)
    told = sdreg.json("list", schema="sdreg.error/1", expect=5)

    assert sentence.splitlines()[0] == "a[2Jb2Jcd from a[2Jb2Jcd is not the promised file:"
    assert len(sentence.splitlines()) == 3
    assert told["message"] == str(error)
    assert told["code"] == "hash-mismatch"


def test_a_home_that_is_a_file_is_refused(sdreg, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SDREG_HOME", str(tmp_path / "file"))

    sentence, _ = sdreg.error("list", expect=6)

    assert sentence.startswith(str(tmp_path / "file"))


def test_a_wrong_setting_in_the_environment_is_named(sdreg, monkeypatch):
    monkeypatch.setenv("SDREG_CONNECTIONS", "many")

    sentence, _ = sdreg.error("list", expect=2)

    assert sentence == (
        "the setting connections in SDREG_CONNECTIONS is 'many'; it may be a number from 1 to 32"
    )


# ── ends ──────────────────────────────────────────────────────────────────────────────────────────


def test_interrupted_is_130(sdreg, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Registry, "open", interrupt)

    assert sdreg.error("list", expect=130) == (
        "interrupted",
        "Run `sdreg list` again: it goes on where it was.",
    )


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_process_that_is_interrupted_says_so_and_leaves_no_traceback(sdreg):
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "registry", "login", "civitai"],
        cwd=ROOT,
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(reader)
    # It waits for a token that never comes: every import is done when it sleeps in read().
    wait_until_it_reads(child)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    os.close(writer)

    assert (child.returncode, out) == (130, "")
    assert err.startswith("sdreg: interrupted\n")
    assert "Traceback" not in err


def wait_until_it_reads(child):
    """Return when the process sleeps in a read of its standard input."""
    state = Path(f"/proc/{child.pid}/syscall")
    if not state.exists():
        pytest.skip("this system does not tell what a process waits for")
    while child.poll() is None:
        number, *arguments = state.read_text().split()
        if number == "0" and arguments[:1] == ["0x0"]:
            return
    raise AssertionError(child.communicate())


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--json"], ["show", "anything-v3"], ["catalog", "export"], ["--version"]],
    ids=" ".join,
)
def test_a_reader_that_goes_away_is_no_error(sdreg, words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*words, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_our_signs_gets_others(sdreg, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    told = process("list", "--json")
    said = process("show", "anything-v3")

    assert (told.returncode, said.returncode) == (0, 0)
    assert told.stdout.isascii()
    assert b"? anything-v3-fp16-pruned.safetensors" in said.stdout


@pytest.mark.skipif(os.name != "posix", reason="elsewhere arguments are text")
def test_bytes_that_are_no_text_are_refused(sdreg):
    done = process("show", b"\xff\xfe", "--json")

    assert done.returncode == 2
    assert b"it is not readable as text" in done.stdout
