"""The task scheduler of Windows."""

import hashlib
import sys
import tempfile
from pathlib import Path

from registry.errors import TimerNotOurs
from registry.store.trouble import disk_errors
from registry.timers.system import MARK, Call, State, Writing, ask, has, must
from registry.timers.texts import windows_task


class Windows:
    """The tasks of the user."""

    name = "windows"

    def answers(self) -> bool:
        """Whether this is Windows."""
        return sys.platform == "win32" and has("schtasks")

    def writes(self, call: Call) -> tuple[Writing, ...]:
        """The task."""
        return (Writing(f"the task {call.name}", _text(call)),)

    def state(self, call: Call) -> State:
        """Look for the task: Windows writes it in words of its own, the description stays."""
        if not has("schtasks"):
            return State.ABSENT
        answer = ask("schtasks", "/Query", "/TN", call.name, "/XML")
        if answer.code:
            return State.ABSENT
        # It comes in the code page of the console or in UTF-16: of both only ASCII is looked at.
        shown = answer.out.replace(b"\0", b"")
        if MARK.encode() not in shown:
            raise TimerNotOurs(f"the task {call.name}")
        return State.CURRENT if _digest(call).encode() in shown else State.STALE

    def install(self, call: Call) -> None:
        """Hand the task over in a file; Windows takes it whole or not at all."""
        force = [] if self.state(call) is State.ABSENT else ["/F"]
        with tempfile.TemporaryDirectory(prefix="sdreg-") as folder:
            file = Path(folder) / "task.xml"
            with disk_errors(file):
                file.write_bytes(_text(call).encode("utf-16"))
            must("schtasks", "/Create", "/TN", call.name, "/XML", str(file), *force)

    def uninstall(self, call: Call) -> None:
        """Delete the task, if it is ours."""
        if self.state(call) is not State.ABSENT:
            must("schtasks", "/Delete", "/TN", call.name, "/F")

    def remarks(self) -> tuple[str, ...]:
        """Tasks run while their user is logged in."""
        return ("This timer stops while you are not logged in.",)


def _text(call: Call) -> str:
    return windows_task(call.command_with_home, about=f"{MARK} {_digest(call)}")


def _digest(call: Call) -> str:
    plain = windows_task(call.command_with_home, about="")
    return hashlib.sha256(plain.encode(errors="surrogateescape")).hexdigest()[:12]
