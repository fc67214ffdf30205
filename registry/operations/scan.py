"""Is it safe to open? Looks into files without obeying them; needs no catalog, changes nothing."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from registry.convert.torch_source import look_into
from registry.domain.variant import FileFormat
from registry.errors import FormatError, MalformedHeader, UnreadableFile, WorkStopped
from registry.formats.safetensors import read_index
from registry.formats.sniff import Sniffed, sniff_file
from registry.pickles.policy import Code, Reason, Verdict
from registry.pickles.sandbox import Limits, run_confined

# In a folder only what may be weights is looked at: by its name, or by what it is.
_SUFFIXES = frozenset({".pkl", ".pickle", ".ckpt", ".pt", ".pth", ".bin", ".safetensors", ".sft"})
_OPINION_LIMITS = Limits(memory_bytes=1024**3, time_s=120.0, output_bytes=1024**3)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a look into one file found.

    Attributes:
        format: By its content; None if it cannot be read.
        what: The same in words, with an article.
        verdict: ``clean``, ``refused`` or ``unreadable`` in its `word`, and why.
        warnings: What picklescan thinks, where it is installed. It changes no verdict.
    """

    path: Path
    format: FileFormat | None
    what: str
    verdict: Verdict
    warnings: tuple[str, ...] = ()


def scan(places: Iterable[Path]) -> Iterator[Scanned]:
    """Look into files, and into those files of folders that may hold weights."""
    for place in places:
        if place.is_dir():
            yield from map(scan_file, _weights_in(place))
        else:
            yield scan_file(place)


def scan_file(path: Path | str) -> Scanned:
    """Look into one file. Nothing in it is imported or called, and nothing is raised about it.

    Example:
        >>> scan_file("nowhere.ckpt").verdict.word
        'unreadable'
    """
    path = Path(path)
    try:
        # A pipe or a device would keep us waiting.
        if path.exists() and not path.is_file():
            return _not_read(path, "it is no file")
        sniffed = sniff_file(path)
        verdict = _judged(path, sniffed)
    except OSError as error:
        return _not_read(path, error.strerror or str(error))
    except UnreadableFile as error:
        return _not_read(path, error.because)
    format_, what = sniffed.format, sniffed.what
    if verdict.word == "refused" and format_ is FileFormat.OTHER:
        format_, what = FileFormat.PICKLE, "a Python pickle"  # one of the first protocol is a text
    wanted = format_ is FileFormat.PICKLE and verdict.word != "unreadable"
    return Scanned(path, format_, what, verdict, _second_opinion(path) if wanted else ())


def _not_read(path: Path, because: str) -> Scanned:
    verdict = Verdict((Reason(None, Code.CANNOT_READ, because),))
    return Scanned(path, None, "a file that cannot be read", verdict)


def _judged(path: Path, sniffed: Sniffed) -> Verdict:
    """The verdict on a file, whatever its name promises."""
    # Also what is no pickle at first sight: programs go by the name, and unpickle it all the same.
    reading = look_into(path)
    verdict = reading.verdict
    if verdict.word == "refused" or sniffed.format is FileFormat.PICKLE:
        return _disguised(path, verdict)
    if sniffed.format is FileFormat.SAFETENSORS:
        try:
            read_index(path)
        except MalformedHeader as error:
            return Verdict((Reason(error.offset, Code.DAMAGED, error.because),))
        return Verdict()
    return Verdict() if sniffed.may_be_model else verdict


def _disguised(path: Path, verdict: Verdict) -> Verdict:
    if FileFormat.from_name(path.name) is FileFormat.SAFETENSORS:
        return Verdict((*verdict.reasons, Reason(None, Code.DISGUISED)))
    return verdict


def _weights_in(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.suffix.casefold() in _SUFFIXES or _holds_weights(path):
                yield path


def _holds_weights(path: Path) -> bool:
    try:
        return path.is_file() and sniff_file(path).may_be_model
    except FormatError:
        return False  # it neither looks like a model nor can be read


def _second_opinion(path: Path) -> tuple[str, ...]:
    """What picklescan finds suspicious. It reads strangers' files too: it sits in the sandbox."""
    if find_spec("picklescan") is None:
        return ()
    try:
        found = run_confined(
            "registry.pickles.second_opinion:names",
            {"path": str(path.resolve())},
            reads=[path],
            limits=_OPINION_LIMITS,
        )
    except WorkStopped as error:
        return (f"picklescan gave no opinion: {error.because}",)
    return tuple(f"picklescan finds {name} suspicious" for name in found.value)
