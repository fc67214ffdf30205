"""One install in a process of its own, which somebody may kill at any moment."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub.file_download  # noqa: F401 -- loaded once, for all processes that are forked

from registry.api import Registry
from registry.domain.source import Secret
from registry.errors import SdregError
from registry.hubs import patience
from registry.operations import install as _install  # noqa: F401 -- the same
from registry.operations import recover as _recover  # noqa: F401 -- the same
from registry.settings import Settings
from registry.transfer.download import Downloader, TransferOptions

# Python itself exits with 1 when an error is nobody's, and prints it.
REFUSED, CRASHED = 3, 1
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


def install_noise(home: Path, settings: dict[str, Any], quick: dict[str, Any]) -> None:
    """Install the model `noise`; the exit code says what came of it."""
    patience._FIRST_WAIT_S = 0.01  # questions to hubs have quick manners here, too
    opened = Registry(
        Settings(
            home=home,
            durable=False,
            civitai_url=settings["civitai"],
            hf_endpoint=settings["huggingface"],
            tokens={"civitai": Secret(settings["token"])},
            uis=(("comfyui", Path(settings["ui"])),),
        )
    )
    try:
        opened.rooms = replace(
            opened.rooms, downloader=Downloader(TransferOptions(**quick), home / "partial")
        )
        opened.install("noise")
    except SdregError as error:
        (home / "refused.txt").write_text(f"{error!r} {error} {error.hint}")
        os._exit(REFUSED)
    os._exit(0)


class Life:
    """A process that installs, and the moment of its death.

    Args:
        kill_at_byte: Killed when the servers have sent so many bytes; None lets it live.
    """

    def __init__(self, kill_at_byte: int | None) -> None:
        self._kill_at = kill_at_byte
        self._sent = 0
        self._lock = threading.Lock()
        self._process: Any = None

    def hears(self) -> Callable[[int], None]:
        """What a server tells how much it has sent to this life."""
        before: list[int] = []

        def sent(so_far: int) -> None:
            with self._lock:
                last = before.pop() if before else 0
                before.append(so_far)
                self._sent += so_far - last
                if self._kill_at is not None and self._sent >= self._kill_at:
                    os.kill(self._process.pid, signal.SIGKILL)
                    self._kill_at = None

        return sent

    def live(self, home: Path, settings: dict[str, Any], quick: dict[str, Any]) -> int:
        """Run to the end; the exit code, below 0 if it was killed."""
        self._process = _forks.Process(target=install_noise, args=(home, settings, quick))
        self._process.start()
        self._process.join(120)
        assert self._process.exitcode is not None, "it hangs"
        code: int = self._process.exitcode
        self._process.close()
        return code
