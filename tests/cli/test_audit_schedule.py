"""`sdreg audit schedule`: when audits run, which timer calls them, and who is told."""

import json
import sys

import pytest

from tests.cli.shell import documented, names_in
from tests.timers.programs import Programs


@pytest.fixture(autouse=True)
def programs(tmp_path, monkeypatch):
    """Whatever timers this machine has are not asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Programs(folder)


@pytest.fixture
def terminal(monkeypatch):
    """Somebody who answers questions."""

    def answering(line):
        class Terminal:
            def isatty(self):
                return True

            def readline(self):
                return line

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("typer.confirm", lambda _question, **_: line == "y")

    return answering


# ── the schedule ──────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_is_kept_shown_and_switched_off(sdreg):
    words = ("--every", "30d", "--at", "03:00", "--time-limit", "2h", "--on-finding", "repair")
    told = sdreg.json("audit", "schedule", *words, schema="sdreg.audit-schedule/1")

    assert names_in(told) <= documented("sdreg.audit-schedule/1")
    assert told["timers"] == []
    assert sdreg("audit", "schedule").lines == [
        "every 30d at 03:00, for 2h at most; then repair",
        "no timer calls sdreg; `sdreg audit schedule install` sets one up",
    ]
    assert sdreg("audit", "schedule", "--off").out == "no audit is scheduled\n"
    assert sdreg("audit", "scheduled").out == "no audit is scheduled\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--every", "12h"),
        ("--every", "often"),
        ("--every", "1d", "--at", "25:00"),
        ("--every", "1d", "--time-limit", "long"),
        ("--every", "1d", "--on-finding", "panic"),
        ("--every", "1d", "install"),
        ("--off", "uninstall"),
        ("--every", "1d", "--off"),
        ("--at", "04:00"),
        ("--time-limit", "2h"),
        ("--on-finding", "repair"),
        ("--on-finding", "repair", "install"),
    ],
)
def test_what_is_no_schedule_is_refused(sdreg, words):
    sdreg.error("audit", "schedule", *words, expect=2)
    assert sdreg("audit", "schedule").out == "no audit is scheduled\n"


# ── the timer ─────────────────────────────────────────────────────────────────────────────────────


def test_install_shows_what_it_writes_and_uninstall_takes_it_away(sdreg, programs):
    programs.crontab(b"# mine\n")

    said = sdreg("audit", "schedule", "install", "--yes")
    shown = said.lines[1].strip()

    assert said.lines[0] == "your crontab:"
    assert programs.spool.read_text() == f"# mine\n{shown}\n"
    assert f"SDREG_HOME={sdreg.home} " in shown
    assert "cron calls sdreg once an hour now" in said.lines
    assert "No audit is scheduled yet: `sdreg audit schedule --every 30d` does that." in said.lines
    assert "cron calls sdreg once an hour" in sdreg("audit", "schedule").lines

    again = sdreg("audit", "schedule", "install", "--yes")
    assert again.lines[0] == "the timer is there already: cron calls sdreg once an hour"
    assert programs.spool.read_text() == f"# mine\n{shown}\n"

    gone = sdreg("audit", "schedule", "uninstall")
    assert gone.out == "cron will not call sdreg any more\n"
    assert programs.spool.read_text() == "# mine\n"
    assert sdreg("audit", "schedule", "uninstall").out == "there was no timer of sdreg's\n"


def test_the_same_for_programs(sdreg, programs):
    programs.crontab()
    schema = "sdreg.audit-timer/1"

    shown = sdreg.json("audit", "schedule", "install", schema=schema)
    assert not programs.spool.exists()
    done = sdreg.json("audit", "schedule", "install", "--yes", schema=schema)
    again = sdreg.json("audit", "schedule", "install", "--yes", schema=schema)
    state = sdreg.json("audit", "schedule", schema="sdreg.audit-schedule/1")
    gone = sdreg.json("audit", "schedule", "uninstall", schema="sdreg.audit-timer-gone/1")
    none = sdreg.json("audit", "schedule", "uninstall", schema="sdreg.audit-timer-gone/1")

    assert [(each["before"], each["written"]) for each in (shown, done, again)] == [
        ("absent", False),
        ("absent", True),
        ("current", False),
    ]
    assert done["system"] == "cron"
    assert [each["where"] for each in done["writes"]] == ["your crontab"]
    assert state["timers"] == [{"system": "cron", "state": "current"}]
    assert (gone["gone"], none["gone"]) == (["cron"], [])
    assert names_in(done) <= documented(schema)
    assert names_in(gone) <= documented("sdreg.audit-timer-gone/1")
    assert names_in(state) <= documented("sdreg.audit-schedule/1")


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--dry-run", "--yes")], ids=str)
def test_who_cannot_be_asked_or_only_looks_is_only_shown_it(sdreg, programs, words):
    programs.crontab()

    said = sdreg("audit", "schedule", "install", *words)

    assert "nothing was written; --yes writes it" in said.lines
    assert not programs.spool.exists()


def test_on_a_terminal_it_asks(sdreg, programs, terminal):
    programs.crontab()

    terminal("n")
    sdreg("audit", "schedule", "install")
    assert not programs.spool.exists()

    terminal("y")
    sdreg("audit", "schedule", "install")
    assert programs.spool.exists()


def test_a_timer_of_before_a_move_is_told_of(sdreg, programs, monkeypatch, tmp_path):
    programs.crontab()
    sdreg("audit", "schedule", "install", "--yes")
    (tmp_path / "sdreg").write_text("")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "sdreg")])

    said = sdreg("audit", "schedule")

    assert said.lines[-1] == ("a timer of cron is there, but not as it should be: install it again")


def test_a_crontab_that_is_forbidden_keeps_no_schedule_from_being_set(sdreg, programs):
    programs.noting("crontab", ("-l", 1, "You (ann) are not allowed to use this program"))

    said = sdreg("audit", "schedule", "--every", "30d")
    told = sdreg.json("audit", "schedule", schema="sdreg.audit-schedule/1")

    assert said.lines[0] == "every 30d at 03:00; then report"
    assert said.err == "crontab refused: You (ann) are not allowed to use this program\n"
    assert told["troubles"] == [said.err.strip()]
    assert names_in(told) <= documented("sdreg.audit-schedule/1")


def test_where_no_timer_is_that_is_said_with_what_helps(sdreg):
    said, hint = sdreg.error("audit", "schedule", "install", expect=12)

    assert "no systemd, no crontab" in said
    assert "`sdreg audit scheduled` once an hour" in hint


def test_a_kind_that_nobody_knows_is_refused(sdreg):
    for command in ("install", "uninstall"):
        said, hint = sdreg.error("audit", "schedule", command, "--with", "at", expect=2)
        assert said == "--with at is no kind of timer"
        assert hint == "It may be systemd, launchd, windows, cron."


def test_another_home_may_be_named_in_front(sdreg, programs, tmp_path, monkeypatch):
    monkeypatch.setenv("SDREG_HOME", str(sdreg.home))  # put back at the end
    programs.crontab()

    sdreg("--home", tmp_path / "other", "audit", "schedule", "install", "--yes")

    assert f"SDREG_HOME={tmp_path / 'other'} " in programs.spool.read_text()


# ── notifications ─────────────────────────────────────────────────────────────────────────────────

TEST = ("audit", "schedule", "test-notification")


def test_a_test_reaches_the_program_that_the_settings_name(sdreg, tmp_path):
    hook = tmp_path / "hook.py"
    hook.write_text(
        "import os, sys\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(os.environ['SDREG_EVENT'] + sys.stdin.read())"
    )
    sdreg("config", "set", "notify.command", f'{sys.executable} -I "{hook}"')

    told = sdreg.json(*TEST, schema="sdreg.audit-notification/1")

    event, _, document = (tmp_path / "told").read_text().partition("{")
    assert event == "test"
    assert json.loads(f"{{{document}")["schema"] == "sdreg.audit-scheduled/1"
    assert names_in(told) <= documented("sdreg.audit-notification/1")
    assert sdreg(*TEST).out == "told\n"


def test_a_program_that_fails_is_told_of(sdreg):
    sdreg("config", "set", "notify.command", f"{sys.executable} -c 'raise SystemExit(3)'")

    said, hint = sdreg.error(*TEST, expect=12)

    assert said.endswith("of notify.command ended with 3")
    assert "notify.url" in hint


def test_nobody_to_tell_is_wrong_usage(sdreg):
    said, _ = sdreg.error(*TEST, expect=2)

    assert said == "notify.command and notify.url are not set"
