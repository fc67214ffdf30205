"""cron: one line in the user's crontab; every other line stays as it is."""

import sys
from pathlib import Path

from registry.errors import TimerRefused
from registry.timers.system import Call, State, Writing, ask, has, must
from registry.timers.texts import crontab_line, lines_of_ours, with_line, without_line

_PID_FILES = (Path("/run/crond.pid"), Path("/var/run/crond.pid"))
_NO_CRONTAB = ("no crontab", "No such file")


class Cron:
    """The crontab of the user."""

    name = "cron"

    def answers(self) -> bool:
        """Whether there is a `crontab`; whether a daemon reads it is a remark."""
        return has("crontab")

    def writes(self, call: Call) -> tuple[Writing, ...]:
        """The line."""
        return (Writing("your crontab", f"{_line(call)}\n"),)

    def state(self, call: Call) -> State:
        """Look for the line."""
        if not self.answers():
            return State.ABSENT
        match lines_of_ours(_read(), mark=call.name):
            case []:
                return State.ABSENT
            case [line] if line == _line(call):
                return State.CURRENT
            case _:
                return State.STALE

    def install(self, call: Call) -> None:
        """Write the whole crontab again, with the line, and read it back."""
        wanted = with_line(_read(), _line(call), mark=call.name)
        must("crontab", "-", told=_bytes(wanted))
        if self.state(call) is not State.CURRENT:
            raise TimerRefused("crontab", "it did not keep the line")

    def uninstall(self, call: Call) -> None:
        """Write the crontab again without the line; one that held nothing else goes."""
        rest = without_line(_read(), mark=call.name)
        if rest:
            must("crontab", "-", told=_bytes(rest))
        else:
            must("crontab", "-r")

    def remarks(self) -> tuple[str, ...]:
        """Say if nobody seems to read crontabs here."""
        if sys.platform != "linux" or any(path.exists() for path in _PID_FILES):
            return ()
        return ("No cron daemon seems to run here; without one nothing calls sdreg.",)


def _line(call: Call) -> str:
    return crontab_line(call.command, call.environment, mark=call.name)


def _read() -> str:
    answer = ask("crontab", "-l")
    if answer.code == 0:
        return answer.out.decode(errors="surrogateescape")
    # The same exit status means that there is none yet, and that the user may have none.
    if any(words in answer.err for words in _NO_CRONTAB):
        return ""
    raise TimerRefused("crontab", answer.err or f"it ended with {answer.code}")


def _bytes(crontab: str) -> bytes:
    return crontab.encode(errors="surrogateescape")
