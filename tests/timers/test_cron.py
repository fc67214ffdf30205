"""The crontab: our line comes and goes, every other byte stays."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from registry.errors import TimerRefused
from registry.timers import cron as room
from registry.timers.cron import Cron
from registry.timers.system import Call, State

THEIRS = b"# mine\r\nMAILTO=ann\n\n*/5 * * * * x %in\x0cx \xff\xe2\x80\xa8 # not sdreg-audit\n"


@pytest.fixture
def cron():
    return Cron()


@pytest.mark.parametrize("theirs", [None, THEIRS, b"@reboot no-line-end"], ids=str)
def test_what_was_there_before_is_there_again_afterwards(programs, cron, call, theirs):
    programs.crontab(theirs)
    assert cron.state(call) is State.ABSENT

    cron.install(call)
    after = programs.spool.read_bytes()
    cron.uninstall(call)

    assert after.startswith(theirs or b"")
    assert after.count(b"audit scheduled") == 1
    if theirs is None:
        assert not programs.spool.exists()
    else:
        assert programs.spool.read_bytes() == theirs.rstrip(b"\n") + b"\n"


def test_installing_again_changes_nothing_and_a_new_place_changes_the_line(
    programs, cron, call, newer
):
    programs.crontab(THEIRS)
    cron.install(call)
    once = programs.spool.read_bytes()
    assert cron.state(call) is State.CURRENT

    cron.install(call)
    assert programs.spool.read_bytes() == once

    assert cron.state(newer) is State.STALE
    cron.install(newer)
    assert cron.state(newer) is State.CURRENT
    assert programs.spool.read_bytes().count(b"sdreg-audit\n") == 2  # theirs ends so as well
    assert programs.spool.read_bytes().startswith(THEIRS)


def test_two_lines_of_ours_become_one(programs, cron, call):
    (line,) = cron.writes(call)
    programs.crontab(line.text.encode() * 2)

    assert cron.state(call) is State.STALE
    cron.install(call)

    assert programs.spool.read_bytes() == line.text.encode()


def test_a_crontab_that_refuses_stays_as_it_is(programs, cron, call):
    programs.crontab(THEIRS)
    refused = Call(call.name, ("/refused/sdreg",), call.home)

    with pytest.raises(TimerRefused, match="crontab refused: errors in crontab file"):
        cron.install(refused)

    assert programs.spool.read_bytes() == THEIRS


def test_a_user_who_may_have_no_crontab_is_told_so(programs, cron, call):
    programs.noting("crontab", ("-l", 1, "You (ann) are not allowed to use this program"))

    with pytest.raises(TimerRefused, match=r"You \(ann\) are not allowed"):
        cron.install(call)

    assert programs.calls == ["crontab -l"]


def test_a_crontab_that_forgets_the_line_is_noticed(programs, cron, call):
    programs.noting("crontab", ("-l", 0, "# nothing"))

    with pytest.raises(TimerRefused, match="it did not keep the line"):
        cron.install(call)


def test_without_a_crontab_there_is_none(programs, cron, call):
    assert not cron.answers()
    assert cron.state(call) is State.ABSENT


def test_a_daemon_that_does_not_run_is_a_remark(cron, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(room, "_PID_FILES", (tmp_path / "crond.pid",))
    assert "No cron daemon" in cron.remarks()[0]

    (tmp_path / "crond.pid").write_text("1\n")
    assert cron.remarks() == ()


@pytest.fixture
def one_at_a_time():
    """There is one crontab, and perhaps another run of these tests."""
    with FileLock(Path(tempfile.gettempdir()) / "sdreg-tests-crontab.lock"):
        yield


@pytest.mark.skipif(not shutil.which("crontab"), reason="there is no crontab here")
def test_the_real_crontab_keeps_and_forgets_the_line(cron, call, one_at_a_time):
    before = subprocess.run(["crontab", "-l"], capture_output=True, check=False)
    if before.returncode and b"no crontab for" not in before.stderr:
        pytest.skip("this user may have no crontab")
    mine = Call("sdreg-audit-under-test", call.sdreg, call.home)
    try:
        cron.install(mine)
        assert cron.state(mine) is State.CURRENT
        (line,) = cron.writes(mine)
        kept = subprocess.run(["crontab", "-l"], capture_output=True, check=True)
        assert kept.stdout == before.stdout + line.text.encode()
        cron.uninstall(mine)
        after = subprocess.run(["crontab", "-l"], capture_output=True, check=False)
        assert (after.returncode, after.stdout) == (before.returncode, before.stdout)
    finally:
        if before.returncode:
            subprocess.run(["crontab", "-r"], capture_output=True, check=False)
        else:
            subprocess.run(["crontab", "-"], input=before.stdout, check=True)
