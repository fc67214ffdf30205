"""Notifications: a real program, and a real server behind Apprise."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import pytest

from registry.domain.source import Secret
from registry.operations import notify
from registry.operations.notify import NotifyWishes, tell

DOCUMENT = {"event": "findings", "checked": 3, "found": 2, "not_repaired": 1, "next_at": None}
needs_apprise = pytest.mark.skipif(not find_spec("apprise"), reason="Apprise is an extra")
# Apprise loads modules of Python that are to go.
older_python = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def program(tmp_path):
    """Writes a program; the command line that calls it, with a space in its path."""
    folder = tmp_path / "my hooks"
    folder.mkdir()

    def write(text):
        path = folder / "hook.py"
        path.write_text(text)
        return f'{sys.executable} -I "{path}" "$HOME; `id`"'

    return write


@pytest.fixture
def inbox():
    """A server that keeps what is posted to it; paths that begin with /no are refused."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(500 if self.path.startswith("/no") else 200)
            self.end_headers()

        def log_message(self, *_):
            """The list is read instead."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_program_gets_the_document_and_the_variables_and_no_shell_reads_its_line(
    program, tmp_path
):
    command = program(
        "import json, os, sys\n"
        f"out = open({str(tmp_path / 'told')!r}, 'w')\n"
        "json.dump([sys.argv[1:], sys.stdin.read(), dict(os.environ)], out)\n"
    )

    failures = tell("2 found\x1b[2J", "…", DOCUMENT, NotifyWishes(command, environment={"A": "b"}))

    words, document, environment = json.loads((tmp_path / "told").read_text())
    assert failures == ()
    assert words == ["$HOME; `id`"]
    assert json.loads(document) == DOCUMENT
    told = {name: value for name, value in environment.items() if name != "LC_CTYPE"}
    assert told == {
        "A": "b",
        "SDREG_EVENT": "findings",
        "SDREG_CHECKED": "3",
        "SDREG_FOUND": "2",
        "SDREG_NOT_REPAIRED": "1",
        "SDREG_SUBJECT": "2 found[2J",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise SystemExit('first\\nno \\x1b[31mroute')", "ended with 1: no [31mroute"),
        ("raise SystemExit(7)", "ended with 7"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
    ],
)
def test_a_program_that_fails_is_told_of_in_one_sentence(program, text, sentence):
    (failure,) = tell("s", "b", DOCUMENT, NotifyWishes(program(text)))

    assert failure == f"{sys.executable} of notify.command {sentence}"


def test_a_program_that_does_not_read_is_no_failure(program):
    long = {**DOCUMENT, "findings": ["x" * 1000] * 1000}

    assert tell("s", "b", long, NotifyWishes(program("pass"))) == ()


def test_a_program_that_is_not_there_is_told_of(tmp_path):
    (failure,) = tell("s", "b", DOCUMENT, NotifyWishes(f"{tmp_path}/none"))

    assert failure == f"{tmp_path}/none of notify.command cannot be run: No such file or directory"


def test_a_program_that_hangs_is_given_up(program, monkeypatch):
    monkeypatch.setattr(notify, "_PATIENCE_S", 0.2)

    (failure,) = tell("s", "b", DOCUMENT, NotifyWishes(program("import time; time.sleep(60)")))

    assert "took longer than" in failure


def test_what_a_program_leaves_running_is_not_waited_for(program):
    command = program(
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])\n"
        "sys.exit('left')\n"
    )

    (failure,) = tell("s", "b", DOCUMENT, NotifyWishes(command))

    assert failure.endswith("ended with 1: left")


@needs_apprise
@older_python
def test_every_address_is_told_and_each_that_fails_is_named_without_its_secret(
    inbox, program, capfd
):
    host, posted = inbox
    wishes = NotifyWishes(
        program("raise SystemExit(1)"),
        Secret(
            f"json://ann:pass1@{host}/a json://ann:pass2@{host}/no "
            f"nonsense://pass3@x json://ann:pass4@{host}/b"
        ),
    )

    failures = tell("2 found", "a.safetensors is damaged", DOCUMENT, wishes)

    assert [path for path, _ in posted] == ["/a", "/no", "/b"]
    assert posted[0][1]["title"] == "2 found"
    assert posted[0][1]["message"] == "a.safetensors is damaged"
    assert failures[1:] == (
        "address 2 of notify.url (json://…) did not take it",
        "address 3 of notify.url (nonsense://…) is none that Apprise knows",
    )
    said = capfd.readouterr()
    assert "pass" not in "".join(failures) + said.out + said.err


def test_without_apprise_its_name_is_told(monkeypatch):
    monkeypatch.setattr(notify, "find_spec", lambda _: None)

    (failure,) = tell("s", "b", DOCUMENT, NotifyWishes(addresses=Secret("json://pw@x")))

    assert failure == "notify.url needs Apprise: pip install 'sdreg[notify]'"


def test_nobody_who_wants_to_be_told_is_no_failure():
    assert tell("s", "b", DOCUMENT, NotifyWishes()) == ()
