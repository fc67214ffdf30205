"""launchd of macOS: an agent of the user."""

import os
import sys
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
from registry.timers.texts import launchd_plist


class Launchd:
    """The agents of the user."""

    name = "launchd"

    def answers(self) -> bool:
        """Whether this is macOS."""
        return sys.platform == "darwin" and has("launchctl")

    def writes(self, call: Call) -> tuple[Writing, ...]:
        """The property list."""
        return (Writing(str(_file(call)), _content(call).decode(errors="surrogateescape")),)

    def state(self, call: Call) -> State:
        """Compare the property list, and ask whether it is loaded."""
        found = written_by_us(_file(call))
        if found is None:
            return State.ABSENT
        is_loaded = has("launchctl") and any(
            ask("launchctl", "print", f"{domain}/{call.name}").code == 0 for domain in _domains()
        )
        return State.CURRENT if found == _content(call) and is_loaded else State.STALE

    def install(self, call: Call) -> None:
        """Write the property list and load it: where the user has a screen, else in their session.

        One that is loaded already must go first: launchd reads nothing twice.
        """
        with written({_file(call): _content(call)}):
            self._unload(call)
            refusals = []
            for domain in _domains():
                try:
                    must("launchctl", "bootstrap", domain, str(_file(call)))
                except TimerRefused as error:
                    refusals.append(error)
                else:
                    return
            raise refusals[0]

    def uninstall(self, call: Call) -> None:
        """Unload the agent and delete its property list."""
        if written_by_us(_file(call)) is not None:
            self._unload(call)
        deleted(_file(call))

    def remarks(self) -> tuple[str, ...]:
        """Agents run while their user is logged in."""
        return ("This timer stops while you are not logged in.",)

    def _unload(self, call: Call) -> None:
        for domain in _domains():
            label = f"{domain}/{call.name}"
            if ask("launchctl", "print", label).code == 0:
                must("launchctl", "bootout", label)


def _domains() -> tuple[str, str]:
    return f"gui/{os.getuid()}", f"user/{os.getuid()}"


def _file(call: Call) -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{call.name}.plist"


def _content(call: Call) -> bytes:
    text = launchd_plist(call.command, call.environment, label=call.name)
    return text.replace(b"<plist", f"<!-- {MARK} -->\n<plist".encode(), 1)
