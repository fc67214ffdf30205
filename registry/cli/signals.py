"""Signals that ask us to stop: the first lets us keep what was done, a second Ctrl-C does not."""

import os
import shlex
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from registry.errors import HungUp, Interrupted, SdregError, Terminated

_KINDS: dict[str, type[Interrupted] | type[Terminated] | type[HungUp]] = {
    "SIGINT": Interrupted,
    "SIGTERM": Terminated,
    "SIGHUP": HungUp,
}


class Stopping:
    """What was asked of us while a command ran.

    Attributes:
        code: What the process will exit with, once the command has ended.
    """

    def __init__(self) -> None:
        self._caught: str | None = None
        self.code = Interrupted.exit_code

    @property
    def is_asked(self) -> bool:
        """Whether a signal came."""
        return self._caught is not None

    def error(self, program: str, arguments: Sequence[str]) -> SdregError:
        """How the command ends, with the command line that goes on where it was."""
        kind = _KINDS[self._caught or "SIGINT"]
        return kind(program, again=go_on(program, arguments))

    def heed(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- how Python calls handlers
        """Raise `KeyboardInterrupt`, so that all that is open is closed and journals are written.

        Who presses Ctrl-C again does not want to wait for that. The other signals may come twice
        for one wish: `timeout` and shells send them to the process and to its group.
        """
        name = signal.Signals(number).name
        if self._caught is None:
            self._caught = name
            raise KeyboardInterrupt
        if name == "SIGINT":
            # As after `kill -9`: whatever lies on the disk is good for the next run.
            os._exit(Interrupted.exit_code)

    def leave(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- how Python calls handlers
        """The command has ended, and so shall the process."""
        os._exit(self.code)


@contextmanager
def heeded(*, to_the_end: bool) -> Iterator[Stopping]:
    """Heed the signals until the end of the block; who ignores one, as `nohup` does, goes on so.

    Args:
        to_the_end: The process ends behind the block: what comes then ends it with its exit code.
    """
    stopping = Stopping()
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in _KINDS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None or signal.getsignal(number) is signal.SIG_IGN:
                continue
            before[number] = signal.signal(number, stopping.heed)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, stopping.leave if to_the_end else handler)


def go_on(program: str, arguments: Sequence[str]) -> str | None:
    """The command line to go on with, unless it holds an address that may hold a secret.

    Example:
        >>> go_on("sdreg", ["install", "civitai:66", "--type", "my lora"])
        "sdreg install civitai:66 --type 'my lora'"
        >>> go_on("sdreg", ["install", "https://a.example/x?token=1"]) is None
        True
    """
    if any("://" in word and ("?" in word or "@" in word) for word in arguments):
        return None
    return shlex.join((program, *arguments))
