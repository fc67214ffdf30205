"""Make a file of weights from others, where that can do no harm, and let it appear whole."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from registry.convert import work
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat
from registry.errors import CannotConvert, InvalidArgument, UnreadableFile
from registry.formats.sniff import sniff_file
from registry.operations.hash_beside import hashing
from registry.pickles.sandbox import run_confined
from registry.store.disk import new_file
from registry.store.trouble import disk_errors

_SUFFIXES = (".safetensors", ".sft")
_MODE = 0o644
# AutoV1, the hash of A1111's first releases, looks at these bytes alone.
_AUTOV1_BEGIN, _AUTOV1_BYTES, _AUTOV1_DIGITS = 0x100000, 0x10000, 8
_TASKS: dict[str, Callable[[dict[str, Any], Callable[[Any], None]], dict[str, Any]]] = {
    "convert": work.convert,
    "merge": work.merge,
}


@dataclass(frozen=True, slots=True)
class Input:
    """A file that something is made from, as it was when it was looked at.

    Attributes:
        sha256: Of its bytes; None if it must still be computed.
        state: Tells whether it was changed since.
    """

    path: Path
    autov1: str
    sha256: str | None
    state: tuple[int, int, int]


def looked_at(path: Path, *, sha256: str | None = None) -> Input:
    """Take a file as an input; `sha256` spares its reading where it was just proven.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            file.seek(_AUTOV1_BEGIN)
            autov1 = hashlib.sha256(file.read(_AUTOV1_BYTES)).hexdigest()[:_AUTOV1_DIGITS]
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
    return Input(path, autov1, sha256, _state(status))


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def check_output(path: Path) -> None:
    """Make sure that an output may be called so, before any work is done.

    Raises:
        InvalidArgument: UIs would not know it as what it is, the name is taken, or there is no
            such folder.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidArgument(
            str(path), "is no name for a safetensors file", "Let it end with .safetensors."
        )
    if os.path.lexists(path):
        raise _taken(path)
    if not path.parent.is_dir():
        raise InvalidArgument(str(path.parent), "is no folder", "Make it first.")


def _taken(path: Path) -> InvalidArgument:
    return InvalidArgument(
        str(path), "exists already; it was left as it is", "Choose another name."
    )


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a task.

    Attributes:
        sha256s: Of its inputs, in order.
        told: What the task tells, its lists as tuples.
    """

    sha256s: tuple[str, ...]
    told: dict[str, Any]


def make(
    task: str,
    facts: dict[str, Any],
    inputs: Sequence[Input],
    output: Path,
    progress: Progress,
    *,
    durable: bool = True,
) -> Made:
    """Carry out one of the tasks of `convert.work` and publish what it made.

    If an input is a pickle, the task runs in a child that is confined to these files.

    Args:
        task: ``convert`` or ``merge``.
        facts: Those of the task, but for what is known here: `hashes`, `output` and `path`.
        inputs: What it reads.
        output: The name of the result; nothing appears there unless all of it is proven.
        progress: Hears of the bytes that are written and compared.
        durable: Wait until the result is on the disk.

    Raises:
        InvalidArgument: The name was taken meanwhile.
        CannotConvert: An input was changed meanwhile.
        WorkStopped: The child ended before it was done.
        SdregError: As the task does, or the disk refuses.
    """
    output = output.absolute()
    listen = _Listener(output.name, progress)
    with (
        disk_errors(output),
        new_file(output.parent, mode=_MODE, named=os.name == "nt") as new,
        hashing([(each.path, each.sha256) for each in inputs]) as hashes,
        listen,
    ):
        place = new.place
        where = place if isinstance(place, int) else str(place)
        facts = {**facts, "path": str(output), "output": where, "hashes": hashes.place}
        told = _carry_out(task, facts, inputs, (place, hashes.place), listen.hear)
        sha256s = hashes.known()
        _check_unchanged(inputs)
        try:
            new.publish(output, durable=durable)
        except FileExistsError as error:
            raise _taken(output) from error
    plain = {k: tuple(value) if isinstance(value, list) else value for k, value in told.items()}
    return Made(sha256s, plain)


def _carry_out(
    task: str,
    facts: dict[str, Any],
    inputs: Sequence[Input],
    places: tuple[int | Path, int | list[str]],
    hear: Callable[[object], None],
) -> dict[str, Any]:
    """Do the task here, or in a confined child where a pickle is to be read."""
    if all(sniff_file(each.path).format is FileFormat.SAFETENSORS for each in inputs):
        return _TASKS[task](facts, hear)
    output, hashes = places
    told = run_confined(
        f"registry.convert.work:{task}",
        facts,
        reads=[*(each.path for each in inputs), *([hashes] if isinstance(hashes, int) else [])],
        writes=[output],
        listen=hear,
    ).value
    assert isinstance(told, dict)
    return told


def _check_unchanged(inputs: Sequence[Input]) -> None:
    for each in inputs:
        with contextlib.suppress(OSError):
            if _state(each.path.stat()) == each.state:
                continue
        raise CannotConvert(each.path.name, "it was changed while it was read", "Try again.")


class _Listener:
    """Passes on what a task says about how far it is."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._began = False

    def hear(self, message: object) -> None:
        """Take one message of a task; whatever else a child says is not for us."""
        match message:
            case {"total_bytes": int(total)} if not self._began:
                self._began = True
                self._progress.begin(f"writing and comparing {self._name}", total)
            case {"done_bytes": int(done)}:
                self._progress.advance(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._began:
            self._progress.end()
