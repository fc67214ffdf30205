"""The task scheduler: one task, known again by what its description says."""

import pytest

from registry.errors import TimerNotOurs, TimerRefused
from registry.timers.system import State
from registry.timers.windows import Windows

ABSENT = ("/Query", 1, "ERROR: The system cannot find the file specified.")


@pytest.fixture
def windows():
    return Windows()


def there(windows, call):
    """How Windows shows the task of a call."""
    (task,) = windows.writes(call)
    return ("/Query", 0, task.text.replace("\n", "\r\n"))


def test_the_task_is_handed_over_in_a_file(programs, windows, call):
    programs.noting("schtasks", ABSENT)

    windows.install(call)

    query, create = programs.calls
    assert query == "schtasks /Query /TN sdreg-audit /XML"
    assert create.startswith("schtasks /Create /TN sdreg-audit /XML ")
    assert not create.endswith("/F"), "nothing is overwritten"


def test_the_home_is_an_option_for_a_task_has_no_environment(windows, call):
    (task,) = windows.writes(call)

    assert '--home "/big disk/models" audit scheduled</Arguments>' in task.text


def test_the_task_is_known_again_and_replaced_when_it_is_old(programs, windows, call, newer):
    programs.noting("schtasks", there(windows, call))

    assert windows.state(call) is State.CURRENT
    assert windows.state(newer) is State.STALE
    _ = programs.calls
    windows.install(newer)
    assert programs.calls[-1].endswith(" /F")


def test_taking_away_deletes_it_and_nothing_where_there_is_none(programs, windows, call):
    programs.noting("schtasks", there(windows, call))
    windows.uninstall(call)
    assert programs.calls[-1] == "schtasks /Delete /TN sdreg-audit /F"

    programs.noting("schtasks", ABSENT)
    windows.uninstall(call)
    assert programs.calls == ["schtasks /Query /TN sdreg-audit /XML"]


def test_the_task_of_somebody_else_stays(programs, windows, call):
    programs.noting("schtasks", ("/Query", 0, "<Task/>"))

    for attempt in (windows.state, windows.install, windows.uninstall):
        with pytest.raises(TimerNotOurs, match="the task sdreg-audit was not written by sdreg"):
            attempt(call)

    assert set(programs.calls) == {"schtasks /Query /TN sdreg-audit /XML"}


def test_a_refusal_is_told_in_the_words_of_windows(programs, windows, call):
    programs.noting("schtasks", ABSENT, ("/Create", 1, "ERROR: Access is denied."))

    with pytest.raises(TimerRefused, match="schtasks refused: ERROR: Access is denied"):
        windows.install(call)


def test_only_windows_has_it(programs, windows, monkeypatch):
    programs.noting("schtasks")
    (programs.folder / "schtasks.EXE").symlink_to("schtasks")
    assert not windows.answers()
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("PATHEXT", ".EXE")
    assert windows.answers()
