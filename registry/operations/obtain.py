"""Get the bytes of one file from whichever of its sources has them, and prove them."""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.progress import Progress
from registry.domain.source import Download, Source
from registry.errors import (
    AccessDenied,
    ConnectionLost,
    DownloadTimeout,
    GoneFromHub,
    HashMismatch,
    HubError,
    HubUnreachable,
    LoginRequired,
    RateLimited,
    RequestRefused,
    SizeMismatch,
    TransferError,
)
from registry.operations.find_model import ask_hubs
from registry.operations.rooms import Rooms
from registry.transfer.download import Expectation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Obtained:
    """Bytes that arrived whole.

    Attributes:
        fetched: Where they lie and what was measured.
        source: Where they came from.
        proven: Whether a hash that was known beforehand was matched.
    """

    fetched: FetchedFile
    source: Source
    proven: bool


def obtain(file: ModelFile, rooms: Rooms, progress: Progress) -> Obtained:
    """Fetch `file` from the first source that has the promised bytes.

    Sources are asked in order; one that is gone is remembered as such. When all are gone, other
    hubs are asked for the hash.

    Raises:
        GoneFromHub: Nobody has it any more.
        HashMismatch: Somebody has it, but with other bytes; those are in quarantine.
        HubError, TransferError: The most telling reason why no source gave it.
        StoreError: The disk refused; no other source would help.
    """
    failures: list[HubError | TransferError] = []
    own = len(file.sources)
    for source in _all_sources(file, rooms, progress, failures):
        try:
            obtained = _from_source(source, file, rooms, progress)
        except (HubError, TransferError) as error:
            failures.append(error)
            if isinstance(error, GoneFromHub):
                rooms.catalog.models.mark_gone(source, rooms.clock())
            progress.say(f"{source}: {error}")
        else:
            if file.gone_since is not None:
                rooms.catalog.models.mark_present(source)
            if failures:
                progress.say(f"{file.name}: took it from {source} instead")
            return obtained
    raise _most_telling(failures, own, file)


def part_key(file: ModelFile, source: Source) -> str:
    """Name of the part file: by content where that is known, so that any source can go on."""
    return file.hashes.sha256 or hashlib.sha256(str(source).encode()).hexdigest()


def _all_sources(
    file: ModelFile, rooms: Rooms, progress: Progress, failures: list[HubError | TransferError]
) -> Iterator[Source]:
    """The file's own sources, then, if all of those are gone, whoever else has the same hash."""
    asked = set()
    for source in file.sources:
        asked.add(source)
        yield source
    sha256 = file.hashes.get(HashKind.SHA256)
    if sha256 is None or not all(isinstance(failure, _NOT_THERE) for failure in failures):
        return
    progress.say(f"{file.name}: no source is left; looking for the same bytes elsewhere")
    for source in _by_hash(sha256, rooms, progress):
        if source not in asked:
            asked.add(source)
            yield source


# A mirror whose name is dead is gone as well as one that says so; one that wants a login is not.
_NOT_THERE = (GoneFromHub, HubUnreachable, ConnectionLost, DownloadTimeout, RequestRefused)


def _by_hash(sha256: Hash, rooms: Rooms, progress: Progress) -> Iterator[Source]:
    """Sources of files with this hash: those our catalog has met, then what hubs say."""
    for _, _, twin in rooms.catalog.models.by_hash(sha256):
        yield from twin.sources
    with contextlib.suppress(HubError):  # told to the user already; the search was an extra
        ask_hubs(sha256, rooms, progress)
    for _, _, twin in rooms.catalog.models.by_hash(sha256):
        yield from twin.sources


def _from_source(source: Source, file: ModelFile, rooms: Rooms, progress: Progress) -> Obtained:
    hub = rooms.hub(source.hub)
    download = hub.locate(source, file)
    expected = _expectation(file, download)
    fetched = rooms.downloader.fetch(
        download,
        expected,
        key=part_key(file, source),
        relocate=partial(hub.locate, source, file),
        progress=progress,
    )
    try:
        proven = prove(fetched, expected.hashes, file_name=file.name, source=source)
    except HashMismatch as error:
        kept = rooms.store.quarantine(fetched.path, str(error))
        raise HashMismatch(error.file_name, error.expected, error.got, error.source, str(kept))  # noqa: B904 -- the same error, now saying where the bytes are
    return Obtained(fetched, source, proven)


def _expectation(file: ModelFile, download: Download) -> Expectation:
    """What the catalog promises, completed by what the hub says.

    Raises:
        HashMismatch: The hub itself says that it holds another file now: no need to fetch it.
    """
    for known, told in file.hashes.contradictions(download.hashes):
        if known.kind is HashKind.SHA256:
            raise HashMismatch(
                file.name, str(known), f"{told} (says the hub)", str(download.source)
            )
    hashes = Hashes.collect((*file.hashes, *download.hashes))
    size = file.size_bytes if file.size_bytes is not None else download.size_bytes
    return Expectation(size_bytes=size, hashes=hashes)


def prove(fetched: FetchedFile, known: Hashes, *, file_name: str, source: Source) -> bool:
    """Compare what was measured with what was known; says whether that is a proof.

    A matching SHA-256 settles it: a lesser hash that differs then is wrong in the catalog.

    Raises:
        HashMismatch: It is another file.
    """
    wrong = known.contradictions(fetched.hashes)
    if known.sha256 is not None:
        wrong = tuple(pair for pair in wrong if pair[0].kind is HashKind.SHA256)
    if wrong:
        # Of two that say the same, the whole hash tells more than its begin.
        expected, got = min(wrong, key=lambda pair: pair[0].kind is not pair[1].kind)
        raise HashMismatch(file_name, str(expected), str(got), str(source))
    return known.can_prove


# What the user can do something about comes first.
_TELLING = (HashMismatch, SizeMismatch, LoginRequired, AccessDenied, RateLimited)


def _most_telling(
    failures: list[HubError | TransferError], own: int, file: ModelFile
) -> HubError | TransferError:
    """Choose the failure to raise; the first `own` ones are of the file's own sources."""
    for kind in _TELLING:
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    # Where else we looked is no news: that one of its own sources may come back is.
    for failure in failures[:own]:
        if not isinstance(failure, GoneFromHub):
            return failure
    if own and failures:
        return failures[0]
    return GoneFromHub("every hub", file.name, "no source of it is known")
