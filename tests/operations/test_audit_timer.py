"""Which timer is taken, what it calls, and that exactly ours goes away."""

import shlex
import sys
from pathlib import Path

import pytest

from registry.errors import InvalidArgument, NoTimerSystem, TimerNotOurs, TimerRefused
from registry.operations.audit_timer import (
    install_timer,
    installed_timers,
    plan_timer,
    timer_call,
    uninstall_timer,
)
from registry.timers.system import Call, State
from tests.timers.programs import Programs


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Programs(folder)


@pytest.fixture
def call():
    return Call("sdreg-audit", ("/usr/bin/sdreg",), Path("/models"))


def call_of(home, called_as="pytest"):
    return timer_call(
        home, default_home=Path("/usual"), called_as=str(called_as), python=sys.executable
    )


def test_the_usual_home_has_the_plain_name_and_every_other_one_its_own():
    names = [call_of(Path(home)).name for home in ("/usual", "/a", "/b", "/a")]

    assert names[0] == "sdreg-audit"
    assert names[1].startswith("sdreg-audit-")
    assert names[1] == names[3] != names[2]


def test_the_script_that_was_called_is_called_again_else_this_python(tmp_path, monkeypatch):
    script = tmp_path / "sdreg"
    script.write_text("")
    monkeypatch.chdir(tmp_path)

    assert call_of(Path("/a"), script).command == (str(script), "audit", "scheduled")
    assert call_of(Path("/a"), "sdreg").command[0] == str(script)
    python = (sys.executable, "-P", "-m", "registry", "audit", "scheduled")
    assert call_of(Path("/a"), tmp_path / "__main__.py").command == python
    assert call_of(Path("/a"), tmp_path / "no" / "sdreg").command == python


def test_systemd_goes_before_cron_where_it_answers(programs, call):
    programs.crontab()
    assert plan_timer(call, wanted=None).system.name == "cron"
    programs.noting("systemctl", ("--user show", 1, "no bus"))
    assert plan_timer(call, wanted=None).system.name == "cron"
    programs.noting("systemctl")
    assert plan_timer(call, wanted=None).system.name == "systemd"
    assert plan_timer(call, wanted="cron").system.name == "cron"


def test_planning_writes_nothing(programs, call):
    programs.crontab(b"# mine\n")
    programs.noting("systemctl")

    plan_timer(call, wanted=None)

    assert programs.spool.read_bytes() == b"# mine\n"
    assert not (Path.home() / ".config").exists()
    assert set(programs.calls) == {"systemctl --user show --property=Version"}


def test_the_kind_that_is_there_stays_and_a_second_one_is_told_of(programs, call):
    programs.crontab()
    install_timer(plan_timer(call, wanted=None), call)
    programs.noting("systemctl")

    assert plan_timer(call, wanted=None).system.name == "cron"
    plan = plan_timer(call, wanted="systemd")
    assert "uninstall --with cron" in plan.remarks[-1]
    install_timer(plan, call)
    assert installed_timers(call).there == {"systemd": State.CURRENT, "cron": State.CURRENT}


def test_installing_again_changes_nothing(programs, call):
    programs.crontab()
    install_timer(plan_timer(call, wanted=None), call)
    plan = plan_timer(call, wanted=None)
    assert plan.state is State.CURRENT
    programs.crontab(b"# gone since\n")

    install_timer(plan, call)

    assert programs.spool.read_bytes() == b"# gone since\n"


def test_exactly_ours_goes_away(programs, call):
    programs.crontab(b"# mine\n")
    programs.noting("systemctl")
    other = Call("sdreg-audit-0123", call.sdreg, Path("/other"))
    for each in (call, other):
        for kind in ("cron", "systemd"):
            install_timer(plan_timer(each, wanted=kind), each)

    assert uninstall_timer(call, wanted="cron") == ("cron",)
    assert uninstall_timer(call, wanted=None) == ("systemd",)
    assert uninstall_timer(call, wanted=None) == ()

    assert installed_timers(other).there == {"systemd": State.CURRENT, "cron": State.CURRENT}
    assert programs.spool.read_bytes().startswith(b"# mine\n")


def test_where_there_is_no_timer_that_is_said(programs, call):
    with pytest.raises(NoTimerSystem, match="nothing that answers this user"):
        plan_timer(call, wanted=None)
    with pytest.raises(NoTimerSystem, match="systemd is not here"):
        plan_timer(call, wanted="systemd")
    assert uninstall_timer(call, wanted=None) == ()


def test_a_crontab_that_is_forbidden_stands_in_nobodys_way(programs, call):
    programs.noting("crontab", ("", 1, "You (ann) are not allowed to use this program"))
    programs.noting("systemctl")

    install_timer(plan_timer(call, wanted=None), call)
    found = installed_timers(call)

    assert found.there == {"systemd": State.CURRENT}
    assert [str(trouble) for trouble in found.troubles] == [
        "crontab refused: You (ann) are not allowed to use this program"
    ]
    assert uninstall_timer(call, wanted=None) == ("systemd",)
    with pytest.raises(TimerRefused, match="are not allowed"):
        uninstall_timer(call, wanted=None)


def test_a_unit_of_somebody_else_is_no_reason_to_take_cron_in_silence(programs, call):
    programs.crontab()
    programs.noting("systemctl")
    folder = Path.home() / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "sdreg-audit.timer").write_text("[Timer]\n")

    with pytest.raises(TimerNotOurs):
        plan_timer(call, wanted=None)
    assert plan_timer(call, wanted="cron").system.name == "cron"


def test_a_kind_that_nobody_knows_is_refused(programs, call):
    for ask in (plan_timer, uninstall_timer):
        with pytest.raises(InvalidArgument, match="--with at is no kind of timer"):
            ask(call, wanted="at")


def test_a_home_that_no_timer_can_name_is_refused(programs):
    programs.crontab()
    odd = Call("sdreg-audit", ("/usr/bin/sdreg",), Path("/a\nb"))

    with pytest.raises(InvalidArgument, match="line break"):
        plan_timer(odd, wanted=None)


def test_the_line_names_home_and_program_and_nothing_secret(programs, call, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    programs.crontab()

    (line,) = plan_timer(call, wanted=None).writes

    words = shlex.split(line.text, comments=True)[5:]
    assert words == ["SDREG_HOME=/models", "/usr/bin/sdreg", "audit", "scheduled", ">/dev/null"]
