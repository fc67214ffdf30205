"""The pages and the commands say the same."""

import importlib
import re
from pathlib import Path

import pytest
import typer

from registry.cli.app import COMMANDS, EXIT_CODES
from registry.cli.smoke_command import EXIT_CODE as SMOKE_EXIT_CODE
from registry.errors import SdregError
from registry.operations.notify import FIELDS_AS_VARIABLES
from registry.resolve.candidate import Reason
from registry.settings.keys import KEYS, UI_VARIABLE_PREFIX

ROOT = Path(__file__).parents[2]
JSON_PAGE = (ROOT / "docs" / "json.md").read_text("utf-8")
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
PAGES = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])


def command_of(name):
    module = importlib.import_module(f"registry.cli.{name}_command")
    return typer.main.get_command(module.app)


def with_those_below(command):
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from with_those_below(below)


# ── commands ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_each_says_of_itself(name):
    first = command_of(name).help.strip().partition("\n")[0]

    assert first == COMMANDS[name].about


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_on_a_page(name):
    assert re.search(rf"(?:^|`|&& |/)sdreg {name}\b", PAGES, re.MULTILINE)


def test_every_command_module_is_in_the_table():
    modules = (ROOT / "registry" / "cli").glob("*_command.py")

    assert sorted(path.stem.removesuffix("_command") for path in modules) == sorted(COMMANDS)


def test_every_command_and_option_helps():
    for name in COMMANDS:
        for each in with_those_below(command_of(name)):
            assert each.help, each.name
            unexplained = [p.name for p in each.params if not getattr(p, "help", None)]
            assert unexplained == [], f"{name} {each.name}"


def test_every_command_that_a_page_shows_is_there():
    shown = set(re.findall(r"(?:^|`)sdreg ([a-z]+)", PAGES, re.MULTILINE))

    assert shown - set(COMMANDS) == set()


def test_every_option_that_a_page_shows_is_there():
    for line in re.findall(r"(?:^|`)sdreg ([a-z][^`\n#]*)", PAGES, re.MULTILINE):
        name, *words = line.split()
        command = command_of(name)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {"--help"}.union(*(p.opts + p.secondary_opts for p in command.params))
        asked = {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z][\w=-]*", word)}
        assert asked - known == set(), line


# ── exit codes ────────────────────────────────────────────────────────────────────────────────────


def exit_codes():
    def below(kind):
        for child in kind.__subclasses__():
            yield child.exit_code
            yield from below(child)

    return {0, 1, SMOKE_EXIT_CODE, *below(SdregError)}


def test_every_exit_code_stands_in_the_help_and_none_that_is_not():
    listed = {int(code) for code in re.findall(r"(?:: |· |^)(\d+)\s", EXIT_CODES, re.MULTILINE)}

    assert listed == exit_codes()


def test_every_exit_code_stands_on_the_page_and_none_that_is_not():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", JSON_PAGE, re.MULTILINE)}

    assert listed == exit_codes()


# ── schemas ───────────────────────────────────────────────────────────────────────────────────────

_SCHEMA = r"\bsdreg\.[a-z-]+/\d+"


def test_every_schema_that_a_command_writes_is_documented_and_no_other():
    sources = (ROOT / "registry" / "cli").glob("*.py")
    written = set(re.findall(_SCHEMA, "\n".join(path.read_text("utf-8") for path in sources)))

    assert set(re.findall(_SCHEMA, JSON_PAGE)) == written


def test_every_reason_of_a_rejection_is_documented():
    assert [reason for reason in Reason if f"`{reason}`" not in JSON_PAGE] == []


# ── settings ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_setting_stands_on_its_page_with_its_variable(key):
    assert f"| `{key.name}` | `{key.variable}` |" in SETTINGS_PAGE


def test_the_page_shows_no_setting_that_is_none():
    rows = re.findall(r"^\| `([\w.]+)` \| `(\w+)` \|", SETTINGS_PAGE, re.MULTILINE)

    assert set(rows) - {(key.name, key.variable) for key in KEYS} == {
        ("ui.NAME", f"{UI_VARIABLE_PREFIX}NAME")
    }


def test_every_variable_that_a_page_names_is_read():
    read = {key.variable for key in KEYS} | {"SDREG_HOME", "HF_TOKEN", "CIVITAI_TOKEN"}
    given = {*FIELDS_AS_VARIABLES.values(), "SDREG_SUBJECT"}
    named = set(re.findall(r"\b(?:SDREG|HF|CIVITAI)_[A-Z_]+\b", PAGES))

    assert {
        name for name in named if not name.startswith(UI_VARIABLE_PREFIX)
    } - read - given == set()
