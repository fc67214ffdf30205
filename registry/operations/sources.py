"""Who is asked for a file, in which order, with how much patience; and which failure is told."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.domain.hashes import Hash, HashKind
from registry.domain.model import ModelFile
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.errors import (
    AccessDenied,
    ConnectionLost,
    DownloadTimeout,
    GoneFromHub,
    HashDisputed,
    HashMismatch,
    HubError,
    HubUnreachable,
    LoginRequired,
    NotTheFile,
    RateLimited,
    RequestRefused,
    SizeMismatch,
    TransferError,
)
from registry.operations.find_model import ask_hubs
from registry.operations.rooms import Rooms

Failures = Mapping[Source, HubError | TransferError]


@dataclass(frozen=True, slots=True)
class Ask:
    """One source's turn.

    Attributes:
        hurried: Others are waiting: it may cost seconds, not minutes.
        plain: In one stream, without ranges.
    """

    source: Source
    hurried: bool
    plain: bool = False


def part_key(file: ModelFile, source: Source) -> str:
    """Name of the part file: by content where that is known, so that any source can go on."""
    digits = file.hashes.sha256 or file.hashes.blake3
    return digits or hashlib.sha256(str(source).encode()).hexdigest()


def asks(file: ModelFile, rooms: Rooms, progress: Progress, failures: Failures) -> Iterator[Ask]:
    """Every source's turn, until the caller has what it wants.

    First the file's own sources, in order. If none of them has these bytes, whoever else has the
    same hash. At last those that were only slow, with all the patience there is. So no source has
    more than two turns, and one that served wrong bytes has one.

    Args:
        file: What is wanted.
        rooms: The catalog and the hubs know who else has it.
        progress: Hears that others are asked.
        failures: Why each source that had its turn did not give it; the caller fills it.
    """
    own = tuple(dict.fromkeys(file.sources))
    for source in own:
        yield Ask(source, hurried=len(own) > 1)
    sha256 = file.hashes.get(HashKind.SHA256)
    if sha256 is not None and all(isinstance(why, _NOT_THERE) for why in failures.values()):
        progress.say(f"{file.name}: no source is left; looking for the same bytes elsewhere")
        for source in _by_hash(sha256, rooms, progress):
            if source not in failures:
                yield Ask(source, hurried=True)
    slow = [source for source, why in failures.items() if isinstance(why, _SLOW)]
    for source in slow if len(own) > 1 else [each for each in slow if each not in own]:
        yield Ask(source, hurried=False)


# A mirror whose name is dead is gone as well as one that says so, and one that has something else;
# one that wants a login is not.
_NOT_THERE = (
    GoneFromHub,
    HubUnreachable,
    ConnectionLost,
    DownloadTimeout,
    RequestRefused,
    HashMismatch,
    SizeMismatch,
    NotTheFile,
)
_SLOW = (ConnectionLost, DownloadTimeout, RateLimited)


def _by_hash(sha256: Hash, rooms: Rooms, progress: Progress) -> Iterator[Source]:
    """Sources of files with this hash: those our catalog has met, then what hubs say."""
    for _, _, twin in rooms.catalog.models.by_hash(sha256):
        yield from twin.sources
    with contextlib.suppress(HubError):  # told to the user already; the search was an extra
        ask_hubs(sha256, rooms, progress)
    for _, _, twin in rooms.catalog.models.by_hash(sha256):
        yield from twin.sources


# What the user can do something about comes first.
_TELLING = (HashDisputed, HashMismatch, SizeMismatch, LoginRequired, AccessDenied, RateLimited)


def most_telling(failures: Failures, file: ModelFile) -> HubError | TransferError:
    """Choose the failure to raise."""
    for kind in _TELLING:
        for failure in failures.values():
            if isinstance(failure, kind):
                return failure
    # Where else we looked is no news: that one of its own sources may come back is.
    own = [why for source, why in failures.items() if source in file.sources]
    for failure in own:
        if not isinstance(failure, GoneFromHub):
            return failure
    if own:
        return own[0]
    return GoneFromHub("every hub", file.name, "no source of it is known")
