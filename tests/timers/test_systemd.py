"""systemd: two units under the user's own folder, and a manager that may refuse them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from registry.errors import TimerNotOurs, TimerRefused
from registry.timers.system import MARK, State
from registry.timers.systemd import Systemd


@pytest.fixture
def systemd():
    return Systemd()


@pytest.fixture
def units():
    return Path.home() / ".config" / "systemd" / "user"


@pytest.fixture
def manager(programs):
    programs.noting("systemctl")
    return programs


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_the_units_are_written_read_and_switched_on(manager, systemd, call, units):
    assert systemd.state(call) is State.ABSENT
    systemd.install(call)

    assert manager.calls == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now sdreg-audit.timer",
    ]
    assert {str(units / name): text.decode() for name, text in contents(units).items()} == {
        each.where: each.text for each in systemd.writes(call)
    }
    assert all(text.startswith(f"# {MARK}\n".encode()) for text in contents(units).values())
    assert systemd.state(call) is State.CURRENT


def test_what_is_switched_off_or_moved_is_stale(manager, systemd, call, newer):
    systemd.install(call)
    assert systemd.state(newer) is State.STALE

    manager.noting("systemctl", ("--user is-active", 3, ""))
    assert systemd.state(call) is State.STALE

    systemd.install(newer)
    manager.noting("systemctl")
    assert systemd.state(newer) is State.CURRENT


def test_taking_away_leaves_the_folder_as_it_was(manager, systemd, call, units):
    units.mkdir(parents=True)
    (units / "mine.timer").write_text("[Timer]\n")
    before = contents(units)
    systemd.install(call)
    _ = manager.calls

    systemd.uninstall(call)

    assert contents(units) == before
    assert manager.calls == [
        "systemctl --user disable --now sdreg-audit.timer",
        "systemctl --user daemon-reload",
    ]


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
def test_what_the_manager_refuses_is_taken_back(manager, systemd, call, units, step):
    manager.noting("systemctl", (f"--user {step}", 1, "Failed: no"))

    with pytest.raises(TimerRefused, match="systemctl refused: Failed: no"):
        systemd.install(call)

    assert contents(units) == {}
    assert manager.calls[-1] == "systemctl --user daemon-reload"


def test_a_change_that_is_refused_leaves_the_timer_of_before(manager, systemd, call, newer, units):
    systemd.install(call)
    before = contents(units)
    manager.noting("systemctl", ("--user enable", 1, "no"))

    with pytest.raises(TimerRefused):
        systemd.install(newer)

    assert contents(units) == before
    assert "systemctl --user disable sdreg-audit.timer" not in manager.calls


@pytest.mark.parametrize("name", ["sdreg-audit.service", "sdreg-audit.timer"])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_somebody_else_wrote_is_left_as_it_is(manager, call, units, name, kind):
    units.mkdir(parents=True)
    systemd, path = Systemd(), units / name
    match kind:
        case "file":
            path.write_text("[Unit]\n")
        case "link":
            path.symlink_to("/dev/null")
        case "folder":
            path.mkdir()
    before = [(each.name, each.lstat().st_ino) for each in units.iterdir()]

    for attempt in (systemd.state, systemd.install, systemd.uninstall):
        with pytest.raises(TimerNotOurs, match=f"{name} was not written by sdreg"):
            attempt(call)

    assert [(each.name, each.lstat().st_ino) for each in units.iterdir()] == before
    assert manager.calls == []


def test_half_a_timer_is_stale_and_can_be_taken_away(manager, systemd, call, units):
    systemd.install(call)
    (units / "sdreg-audit.timer").unlink()

    assert systemd.state(call) is State.STALE
    systemd.uninstall(call)

    assert contents(units) == {}


def test_a_manager_that_cannot_be_reached_does_not_answer(programs, systemd):
    assert not systemd.answers()
    programs.noting("systemctl", ("--user", 1, "Failed to connect to bus"))
    assert not systemd.answers()
    programs.noting("systemctl")
    assert systemd.answers()


def test_whoever_may_linger_needs_no_remark(programs, systemd):
    assert "loginctl enable-linger" in systemd.remarks()[0]
    programs.noting("loginctl", (f"show-user {os.getuid()} --property=Linger", 0, "no"))
    assert "loginctl enable-linger" in systemd.remarks()[0]
    programs.noting("loginctl", (f"show-user {os.getuid()} --property=Linger", 0, "yes"))
    assert systemd.remarks() == ()


ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(not ANALYZE, reason="systemd is not here")
def test_systemd_itself_finds_nothing_wrong_with_what_was_written(manager, systemd, newer, units):
    systemd.install(newer)

    said = subprocess.run(
        [ANALYZE, "verify", "--user", "--man=no", *map(str, sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "sdreg-audit" not in said.stderr, said.stderr
