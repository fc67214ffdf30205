"""systemd of the user: a unit that makes one call, and a timer that starts it every hour."""

import os
from pathlib import Path

from registry.errors import TimerRefused
from registry.timers.system import (
    MARK,
    Call,
    State,
    Writing,
    ask,
    deleted,
    has,
    must,
    written,
    written_by_us,
)
from registry.timers.texts import systemd_service, systemd_timer


class Systemd:
    """The timers of the user's own service manager."""

    name = "systemd"

    def answers(self) -> bool:
        """Whether the user's manager is there; in a container or under `su` it often is not."""
        return (
            has("systemctl") and ask("systemctl", "--user", "show", "--property=Version").code == 0
        )

    def writes(self, call: Call) -> tuple[Writing, ...]:
        """The two units."""
        return tuple(
            Writing(str(path), content.decode(errors="surrogateescape"))
            for path, content in _files(call).items()
        )

    def state(self, call: Call) -> State:
        """Compare the units, and ask whether the timer is on."""
        files = _files(call)
        found = {path: written_by_us(path) for path in files}
        if not any(found.values()):
            return State.ABSENT
        is_on = self.answers() and all(
            ask("systemctl", "--user", question, "--quiet", _timer(call)).code == 0
            for question in ("is-enabled", "is-active")
        )
        return State.CURRENT if found == files and is_on else State.STALE

    def install(self, call: Call) -> None:
        """Write the units, let systemd read them, and switch the timer on."""
        files = _files(call)
        was_there = any(written_by_us(path) for path in files)
        try:
            with written(files):
                must("systemctl", "--user", "daemon-reload")
                try:
                    must("systemctl", "--user", "enable", "--now", _timer(call))
                except TimerRefused:
                    if not was_there:
                        ask("systemctl", "--user", "disable", _timer(call))
                    raise
        except TimerRefused:
            ask("systemctl", "--user", "daemon-reload")
            raise

    def uninstall(self, call: Call) -> None:
        """Switch the timer off and delete the units."""
        service, timer = _files(call)
        if written_by_us(timer) is not None:
            must("systemctl", "--user", "disable", "--now", _timer(call))
        deleted(timer)
        deleted(service)
        must("systemctl", "--user", "daemon-reload")

    def remarks(self) -> tuple[str, ...]:
        """The user's manager ends with the last login, unless it may linger."""
        linger = ("show-user", str(os.getuid()), "--property=Linger", "--value")
        if has("loginctl") and ask("loginctl", *linger).out.strip() == b"yes":
            return ()
        return (
            "This timer stops while you are not logged in; `loginctl enable-linger` lets it go on.",
        )


def _timer(call: Call) -> str:
    return f"{call.name}.timer"


def _files(call: Call) -> dict[Path, bytes]:
    folder = Path.home() / ".config" / "systemd" / "user"
    texts = {
        f"{call.name}.service": systemd_service(call.command, call.environment),
        _timer(call): systemd_timer(),
    }
    return {
        folder / name: f"# {MARK}\n{text}".encode(errors="surrogateescape")
        for name, text in texts.items()
    }
