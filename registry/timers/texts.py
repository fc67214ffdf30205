"""What a timer of the system is told, in the words of each. Pure: texts, nothing is written.

Every timer calls one command once an hour; whether an audit is due is `schedule`'s answer. So a
timer never changes with the schedule, and a run that was missed is caught up within the hour.
"""

import plistlib
import re
import shlex
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MINUTE = 17


def crontab_line(command: Sequence[str], environment: Mapping[str, str], *, mark: str) -> str:
    r"""One line for `crontab`; it ends with the mark by which it is found again.

    What goes to stdout is dropped: cron would mail every hour that nothing is due.

    Example:
        >>> crontab_line(["/opt/50% off/sdreg", "audit"], {}, mark="sdreg-audit")
        "17 * * * * '/opt/50\\% off/sdreg' audit >/dev/null # sdreg-audit"

    Raises:
        ValueError: A path has a line break, which a crontab cannot hold.
    """
    words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    text = " ".join([*words, *(shlex.quote(word) for word in command)])
    _refuse_breaks(text + mark)
    # To cron a bare % ends the command; it takes the backslash away again before the shell.
    return f"{_MINUTE} * * * * {text.replace('%', chr(92) + '%')} >/dev/null # {mark}"


def with_line(crontab: str, line: str, *, mark: str) -> str:
    """A crontab with our line in it once; every other line stays as it is."""
    others = without_line(crontab, mark=mark)
    if others and not others.endswith("\n"):
        others += "\n"
    return f"{others}{line}\n"


def without_line(crontab: str, *, mark: str) -> str:
    """A crontab without our line; every other line stays as it is."""
    return "".join(line for line in _lines(crontab) if not _is_ours(line, mark))


def lines_of_ours(crontab: str, *, mark: str) -> list[str]:
    """The lines that carry our mark, without their ends."""
    return [line.rstrip("\r\n") for line in _lines(crontab) if _is_ours(line, mark)]


def _lines(crontab: str) -> list[str]:
    # To `splitlines` signs end a line that are none to cron.
    return re.findall(r"[^\n]*\n|[^\n]+", crontab)


def _is_ours(line: str, mark: str) -> bool:
    return line.rstrip("\r\n").endswith(f" # {mark}")


def systemd_service(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The unit that carries out one call.

    Raises:
        ValueError: A path has a line break.
    """
    # `env` goes first: systemd reads the first word by other rules than the rest.
    words = ["/usr/bin/env", *(f"{name}={value}" for name, value in environment.items()), *command]
    return (
        "[Unit]\nDescription=Check the models that sdreg stored\n\n"
        "[Service]\nType=oneshot\nNice=10\nIOSchedulingClass=idle\n"
        f"ExecStart={' '.join(_systemd_word(word) for word in words)}\n"
    )


def systemd_timer() -> str:
    """The unit that makes the call every hour, and once after hours that were missed."""
    return (
        "[Unit]\nDescription=Ask sdreg every hour whether an audit is due\n\n"
        f"[Timer]\nOnCalendar=*-*-* *:{_MINUTE}:00\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def launchd_plist(command: Sequence[str], environment: Mapping[str, str], *, label: str) -> bytes:
    """The property list of an agent of macOS; what was missed in sleep runs at waking up."""
    return plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(command),
            "EnvironmentVariables": dict(environment),
            "StartCalendarInterval": {"Minute": _MINUTE},
            "ProcessType": "Background",
        }
    )


def windows_task(command: Sequence[str], *, about: str = "") -> str:
    """A task for `schtasks /Create /XML`; Windows has no environment for it: the home is an option.

    Args:
        command: Program and arguments, none with a quotation mark: no path of Windows has one.
        about: Its description.

    Raises:
        ValueError: An argument has one.
    """
    if any('"' in word for word in command):
        raise ValueError("no path of Windows holds a quotation mark")
    arguments = " ".join(_windows_word(word) for word in command[1:])
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        f"  <RegistrationInfo><Description>{escape(about)}</Description></RegistrationInfo>\n"
        "  <Triggers><TimeTrigger>\n"
        f"    <StartBoundary>2020-01-01T00:{_MINUTE}:00</StartBoundary>\n"
        "    <Repetition><Interval>PT1H</Interval></Repetition>\n"
        "  </TimeTrigger></Triggers>\n"
        "  <Settings><StartWhenAvailable>true</StartWhenAvailable>"
        "<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy></Settings>\n"
        f"  <Actions><Exec><Command>{escape(command[0])}</Command>"
        f"<Arguments>{escape(arguments)}</Arguments></Exec></Actions>\n"
        "</Task>\n"
    )


def _systemd_word(word: str) -> str:
    _refuse_breaks(word)
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(sign, written)
    return f'"{word}"'


def _windows_word(word: str) -> str:
    # A backslash before the closing mark would take it for its own.
    tail = len(word) - len(word.rstrip("\\"))
    return f'"{word}{chr(92) * tail}"' if not word or " " in word else word


def _refuse_breaks(text: str) -> None:
    if any(sign in text for sign in "\n\r\0"):
        raise ValueError("a path with a line break cannot be given to a timer")
