"""launchd: a property list, and an agent that is loaded from it."""

import os
import plistlib
from pathlib import Path

import pytest

from registry.errors import TimerNotOurs, TimerRefused
from registry.timers.launchd import Launchd
from registry.timers.system import State

GUI, USER = f"gui/{os.getuid()}", f"user/{os.getuid()}"
NOT_LOADED = ("print", 113, "Could not find service")


@pytest.fixture
def launchd():
    return Launchd()


@pytest.fixture
def plist():
    return Path.home() / "Library" / "LaunchAgents" / "sdreg-audit.plist"


def test_the_agent_is_written_and_loaded(programs, launchd, call, plist):
    programs.noting("launchctl", NOT_LOADED)

    launchd.install(call)

    read = plistlib.loads(plist.read_bytes())
    assert read["ProgramArguments"] == list(call.command)
    assert read["EnvironmentVariables"] == {"SDREG_HOME": str(call.home)}
    assert programs.calls[-1] == f"launchctl bootstrap {GUI} {plist}"
    assert launchd.state(call) is State.STALE, "it is not loaded"
    programs.noting("launchctl")
    assert launchd.state(call) is State.CURRENT


def test_an_agent_that_is_loaded_goes_before_the_new_one(programs, launchd, call, newer, plist):
    programs.noting("launchctl", (f"print {USER}", 113, "Could not find service"))
    launchd.install(call)
    _ = programs.calls

    launchd.install(newer)

    assert programs.calls == [
        f"launchctl print {GUI}/sdreg-audit",
        f"launchctl bootout {GUI}/sdreg-audit",
        f"launchctl print {USER}/sdreg-audit",
        f"launchctl bootstrap {GUI} {plist}",
    ]
    assert launchd.state(newer) is State.CURRENT


def test_without_a_screen_it_is_loaded_into_the_session(programs, launchd, call, plist):
    programs.noting("launchctl", NOT_LOADED, (f"bootstrap {GUI}", 125, "Domain does not support"))

    launchd.install(call)

    assert programs.calls[-1] == f"launchctl bootstrap {USER} {plist}"


def test_what_launchd_refuses_is_taken_back(programs, launchd, call, plist):
    programs.noting("launchctl", NOT_LOADED, ("bootstrap", 5, "Bootstrap failed: 5"))

    with pytest.raises(TimerRefused, match="launchctl refused: Bootstrap failed: 5"):
        launchd.install(call)

    assert not plist.exists()


def test_taking_away_unloads_and_deletes(programs, launchd, call, plist):
    programs.noting("launchctl", (f"print {USER}", 113, ""))
    launchd.install(call)
    _ = programs.calls

    launchd.uninstall(call)

    assert f"launchctl bootout {GUI}/sdreg-audit" in programs.calls
    assert not plist.exists()
    assert launchd.state(call) is State.ABSENT


def test_the_agent_of_somebody_else_stays(programs, launchd, call, plist):
    programs.noting("launchctl")
    plist.parent.mkdir(parents=True)
    plist.write_bytes(plistlib.dumps({"Label": "sdreg-audit"}))
    before = plist.read_bytes()

    for attempt in (launchd.state, launchd.install, launchd.uninstall):
        with pytest.raises(TimerNotOurs):
            attempt(call)

    assert plist.read_bytes() == before
    assert programs.calls == []


def test_only_macos_has_it(programs, launchd, monkeypatch):
    programs.noting("launchctl")
    monkeypatch.setattr("sys.platform", "linux")
    assert not launchd.answers()
    monkeypatch.setattr("sys.platform", "darwin")
    assert launchd.answers()
