"""Tables and documents, on a terminal and into a pipe."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli import render

ROOT = Path(__file__).parents[2]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(*words, **variables):
    """What a whole process writes on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **variables}  # noqa: TID251 -- what a child process needs
    child = subprocess.Popen(
        [sys.executable, "-m", "registry", *words],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert child.wait() == 0
    return written.decode().replace("\r\n", "\n")


def test_a_plain_table_has_its_columns_in_line_whatever_the_script(capsys):
    render.table(("name", "size"), [("墨心", "7 bytes"), ("ink", "24.7 kB")], right=1)

    assert capsys.readouterr().out == "name     size\n墨心  7 bytes\nink   24.7 kB\n"


def test_facts_leave_out_what_is_empty_and_go_on_under_their_column(capsys):
    render.facts([("type", "lora"), ("author", ""), ("pages", "one\ntwo")])

    assert capsys.readouterr().out == "  type   lora\n  pages  one\n         two\n"


def test_nothing_to_say_is_nothing(capsys):
    render.facts([])
    render.facts([("author", "")])

    assert capsys.readouterr().out == ""


def test_a_document_is_one_line_with_its_schema_first(capsys):
    render.emit("sdreg.test/1", {"name": "墨\x1b"})

    out = capsys.readouterr().out
    assert out == '{"schema": "sdreg.test/1", "name": "墨\\u001b"}\n'


def test_a_document_in_a_narrow_alphabet_says_the_same(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", narrow)
    render.emit("sdreg.test/1", {"name": "墨 é 🎨"})

    narrow.flush()
    assert json.loads(narrow.buffer.getvalue().decode("latin-1"))["name"] == "墨 é 🎨"


def test_a_line_is_one_line_and_free_of_what_drives_a_terminal(capsys):
    render.write("a\x1b[2J\x9b\u202eb\nc")

    assert capsys.readouterr().out == "a[2Jbc\n"


def test_without_colour_a_table_on_a_terminal_is_plain(sdreg):
    out = on_a_terminal("list", "--type", "lora", NO_COLOR="1", COLUMNS="100")

    assert "detail-tweaker-xl" in out
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", out), "no colours"


def test_with_colour_it_says_the_same(sdreg):
    plain = on_a_terminal("list", "--type", "lora", NO_COLOR="1", COLUMNS="100")
    coloured = on_a_terminal("list", "--type", "lora", NO_COLOR="", COLUMNS="100")

    assert ESCAPE.sub("", coloured) == ESCAPE.sub("", plain)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("words", ["list --type lora", "config", "list --type controlnet"])
def test_a_narrow_terminal_is_not_overrun_and_every_name_stays_whole(sdreg, width, words):
    piped = sdreg(*words.split()).lines[1:]
    names = {
        line.removeprefix("*").split()[0]
        for line in piped
        if not line.startswith(("home", "setting"))
    }

    out = ESCAPE.sub("", on_a_terminal(*words.split(), COLUMNS=str(width)))

    lines = [line for line in out.splitlines() if not line.startswith("home")]
    assert max(map(len, lines)) <= width
    assert [name for name in names if name not in out] == []


def test_a_terminal_that_is_too_narrow_for_columns_gets_lines(sdreg):
    out = on_a_terminal("list", "--type", "lora", "--base", "sdxl", "--limit", "2", COLUMNS="40")

    assert out == (
        "3d-render-style-xl\n"
        "    lora  sdxl  85.5 MB  –  –\n"
        "detail-tweaker-xl\n"
        "    lora  sdxl  228 MB  –  –\n"
    )


def test_a_model_on_a_narrow_terminal_is_readable(sdreg):
    out = ESCAPE.sub("", on_a_terminal("show", "anything-v3", COLUMNS="60"))
    facts = out.partition("\n\n")[0].splitlines()

    words = [line for line in facts if "https://" not in line]
    assert max(map(len, words)) <= 60


def test_brackets_in_names_are_no_markup(sdreg, tmp_path):
    file = tmp_path / "mine.json"
    model = {"slug": "toy", "name": "Toy", "type": "lora", "base": "sd1"}
    model["trigger_words"] = ["[red]ink[/red]", "[/]", "a\\[b"]
    file.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
    sdreg("catalog", "add", file)

    out = ESCAPE.sub("", on_a_terminal("search", "toy", COLUMNS="120"))

    assert "[red]ink[/red], [/], a\\[b" in out


def test_json_on_a_terminal_is_json(sdreg):
    told = json.loads(on_a_terminal("list", "--json", COLUMNS="40"))

    assert len(told["models"]) == 118
