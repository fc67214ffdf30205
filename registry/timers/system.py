"""What every timer of a system can do, and how its programs are asked."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from registry.domain.strangers_text import one_line
from registry.errors import TimerNotOurs, TimerRefused
from registry.store import disk
from registry.store.trouble import disk_errors

MARK = "Written by `sdreg audit schedule install`; `sdreg audit schedule uninstall` takes it away."
"""What stands in every file of ours, so that nobody else's is taken for one."""

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a timer calls once an hour.

    Attributes:
        name: By which the timer is found again; another home has another one.
        sdreg: How this sdreg is called, by absolute paths.
        home: The folder that it is to work with.
    """

    name: str
    sdreg: tuple[str, ...]
    home: Path

    @property
    def command(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return (*self.sdreg, "audit", "scheduled")

    @property
    def command_with_home(self) -> tuple[str, ...]:
        """The same for a timer that cannot set a variable."""
        return (*self.sdreg, "--home", str(self.home), "audit", "scheduled")

    @property
    def environment(self) -> dict[str, str]:
        """What the program must be told; never a token."""
        return {"SDREG_HOME": str(self.home)}


@dataclass(frozen=True, slots=True)
class Writing:
    """One text that a timer consists of, and where it is written."""

    where: str
    text: str


class State(StrEnum):
    """How a timer lies there.

    `STALE` is ours, but not as it would be written now, or the system does not call it.
    """

    ABSENT = "absent"
    CURRENT = "current"
    STALE = "stale"


class System(Protocol):
    """One kind of timer."""

    name: str

    def answers(self) -> bool:
        """Whether this machine has it, for this user."""

    def writes(self, call: Call) -> tuple[Writing, ...]:
        """What `install` would write.

        Raises:
            ValueError: A path cannot be said in its words.
        """

    def state(self, call: Call) -> State:
        """How the timer of this name lies there now.

        Raises:
            ValueError: A path cannot be said in its words.
            TimerNotOurs: Something of its name was written by somebody else.
            TimerRefused: The system does not tell.
        """

    def install(self, call: Call) -> None:
        """Write the timer and let the system call it; all of it or nothing.

        Raises:
            TimerNotOurs: As `state` does.
            TimerRefused: The system does not want it; it is as before.
            StoreError: The disk refuses.
        """

    def uninstall(self, call: Call) -> None:
        """Take the timer away that `state` found.

        Raises:
            TimerNotOurs: As `state` does.
            TimerRefused: The system does not let it go.
            StoreError: The disk refuses.
        """

    def remarks(self) -> tuple[str, ...]:
        """What the user should know about this kind of timer, in sentences."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended, and what it said."""

    code: int
    out: bytes
    err: str


def has(program: str) -> bool:
    """Whether a program can be called by its name."""
    return shutil.which(program) is not None


def ask(program: str, *words: str, told: bytes = b"") -> Answer:
    """Run a program of the system to its end.

    Args:
        program: Its name; it is looked for where the user's programs lie.
        words: Its arguments.
        told: What it reads from its standard input.

    Raises:
        TimerRefused: It is not there, or does not come to an end.
    """
    path = shutil.which(program)
    if path is None:
        raise TimerRefused(program, "it is not there")
    try:
        done = subprocess.run(  # noqa: S603 -- a program of the system, its words as a list
            [path, *words], input=told, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimerRefused(program, f"no answer within {_PATIENCE_S:.0f} seconds") from error
    except OSError as error:
        raise TimerRefused(program, error.strerror or str(error)) from error
    return Answer(done.returncode, done.stdout, one_line(done.stderr.decode(errors="replace")))


def must(program: str, *words: str, told: bytes = b"") -> Answer:
    """Run a program that has to succeed.

    Raises:
        TimerRefused: It does not; with its own words.
    """
    answer = ask(program, *words, told=told)
    if answer.code:
        raise TimerRefused(program, answer.err or f"it ended with {answer.code}")
    return answer


def written_by_us(path: Path) -> bytes | None:
    """The content of a file of ours, None where there is nothing.

    Raises:
        TimerNotOurs: Somebody else wrote what is there, or it is no plain file.
        StoreUnwritable: It cannot be read.
    """
    if not os.path.lexists(path):
        return None
    is_plain = path.is_file() and not path.is_symlink()
    with disk_errors(path):
        content = path.read_bytes() if is_plain else b""
    if MARK.encode() not in content:
        raise TimerNotOurs(str(path))
    return content


@contextmanager
def written(files: Mapping[Path, bytes]) -> Iterator[None]:
    """Write files of ours for the work that follows; if that fails, all is as it was before.

    Raises:
        TimerNotOurs: Somebody else's file is in a place; nothing is written.
        StoreError: The disk refuses.
    """
    before = {path: written_by_us(path) for path in files}
    try:
        for path, content in files.items():
            _write(path, content, is_new=before[path] is None)
        yield
    except BaseException:
        for path, content_before in before.items():
            if content_before is not None:
                _write(path, content_before, is_new=False)
            elif _reads(path) == files[path]:
                disk.delete(path)
        raise


def _write(path: Path, content: bytes, *, is_new: bool) -> None:
    with disk_errors(path, needed_bytes=len(content)):
        disk.make_folder(path.parent, durable=False)
        if not is_new:
            disk.write_whole(path, content, durable=True)
            return
        try:
            with disk.new_file(path.parent, mode=0o644) as new:
                new.file.write(content)
                new.publish(path, durable=True)
        except FileExistsError as error:
            raise TimerNotOurs(str(path)) from error


def _reads(path: Path) -> bytes | None:
    """What lies there, None if it is no plain file: only what we wrote is taken back."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def deleted(path: Path) -> None:
    """Delete a file of ours, if it is there.

    Raises:
        TimerNotOurs: Somebody else wrote it; it stays.
        StoreUnwritable: The disk refuses.
    """
    if written_by_us(path) is not None:
        with disk_errors(path):
            disk.delete(path)
