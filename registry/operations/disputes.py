"""Why no read was the promised file, what is kept of it, and what the user accepts instead."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from registry.domain.dispute import Dispute
from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.errors import HashDisputed, HashMismatch
from registry.operations.readings import Reading
from registry.operations.rooms import Rooms
from registry.operations.salvage import Salvage
from registry.store.content import measure, same_bytes
from registry.store.trouble import disk_errors

# When reads tell different causes, the one that the user can do most about is told.
_TELLING = ("replaced", "damaged", "unclear", "cut", "not-a-model")


def verdict(salvage: Salvage, file: ModelFile, rooms: Rooms) -> HashMismatch | HashDisputed | None:
    """Say why the reads are not the promised file, and set their bytes aside.

    What several reads agree on is recorded as a dispute, so that the user may accept it.

    Returns:
        The error to raise; None if nothing wrong was read.
    """
    if not salvage.readings:
        return None
    kept = {id(reading): _kept(reading, salvage, rooms) for reading in salvage.readings}
    agreed = salvage.agreed
    if agreed:
        changed = any(reading.fetched.changed for reading in agreed)
        cause = "replaced" if changed else "wrong-hash"
        return _disputed(agreed, cause, kept[id(agreed[0])], file, rooms)
    cause_of = {id(each): each.cause or _unlike(salvage) for each in salvage.readings}
    told = min(salvage.readings, key=lambda each: _TELLING.index(cause_of[id(each)]))
    if told.cause == "replaced":
        return _disputed((told,), "replaced", kept[id(told)], file, rooms)
    expected, got = (str(each) for each in told.wrong)
    place = kept[id(told)]
    return HashMismatch(
        file.name,
        expected,
        got,
        str(told.source or "an earlier run"),
        str(place) if place is not None else None,
        cause=cause_of[id(told)],
    )


def _unlike(salvage: Salvage) -> str:
    several = sum(reading.is_comparable for reading in salvage.readings) > 1
    return "damaged" if several else "unclear"


def _kept(reading: Reading, salvage: Salvage, rooms: Rooms) -> Path | None:
    """Where the bytes of a reading are set aside; of several that agree, the first is kept."""
    if reading.kept_at is not None:
        return reading.kept_at
    agreed = salvage.agreed
    if reading in agreed[1:]:
        rooms.downloader.discard(reading.fetched.path.stem)
        return None
    return set_aside(reading, rooms)


def set_aside(reading: Reading, rooms: Rooms) -> Path:
    """Move the bytes of a wrong read to the quarantine, unless they lie there from another day."""
    expected, got = reading.wrong
    if (kept_at := _kept_another_day(reading, rooms)) is not None:
        rooms.downloader.discard(reading.fetched.path.stem)
        return kept_at
    because = f"expected {expected}\ngot      {got}\nfrom     {reading.source or 'an earlier run'}"
    return rooms.store.quarantine(reading.fetched.path, because)


def _kept_another_day(reading: Reading, rooms: Rooms) -> Path | None:
    for dispute in rooms.catalog.disputes.about(reading.wrong[0]):
        path = dispute.kept_at
        if path is None or dispute.seen != reading.fetched.hashes.get(HashKind.SHA256):
            continue
        with contextlib.suppress(OSError):  # the user threw it away
            if same_bytes(path, reading.fetched.path):
                return path
    return None


def _disputed(
    readings: Sequence[Reading], cause: str, kept_at: Path | None, file: ModelFile, rooms: Rooms
) -> HashMismatch | HashDisputed:
    first = readings[0]
    sources = tuple(dict.fromkeys(str(each.source) for each in readings if each.source))
    dispute = dispute_about(first, file, rooms, sources=sources, cause=cause)
    rooms.catalog.disputes.record(replace(dispute, kept_at=kept_at))
    place = str(kept_at) if kept_at is not None else None
    promised, seen = str(dispute.promised), str(dispute.seen)
    if cause == "replaced":
        return HashMismatch(file.name, promised, seen, sources[0], place, cause=cause)
    return HashDisputed(file.name, promised, seen, sources, place)


def dispute_about(
    reading: Reading, file: ModelFile, rooms: Rooms, *, sources: tuple[str, ...], cause: str
) -> Dispute:
    """What was promised, and what this reading is instead."""
    sha256 = reading.fetched.hashes.get(HashKind.SHA256)
    assert sha256 is not None
    return Dispute(
        file_name=file.name,
        promised=reading.wrong[0],
        seen=sha256,
        size_bytes=reading.fetched.size_bytes,
        sources=sources,
        seen_at=rooms.clock(),
        cause=cause,
    )


def accepted(reading: Reading, file: ModelFile, rooms: Rooms) -> Dispute:
    """Record that the user accepts these bytes instead of the promised ones."""
    sources = (str(reading.source),) if reading.source is not None else ()
    dispute = dispute_about(reading, file, rooms, sources=sources, cause="wrong-hash")
    for known in rooms.catalog.disputes.about(dispute.promised):
        if known.seen == dispute.seen:
            dispute = replace(dispute, cause=known.cause)
    rooms.catalog.disputes.accept(dispute)
    return dispute


def kept_bytes(
    file: ModelFile, seen: Hash, rooms: Rooms, progress: Progress
) -> tuple[FetchedFile, Source, Dispute] | None:
    """The accepted bytes, if an earlier run set them aside and they are still what they were."""
    told = [dispute for known in file.hashes for dispute in rooms.catalog.disputes.about(known)]
    for known in told:
        if known.seen != seen or known.kept_at is None:
            continue
        with disk_errors(known.kept_at):
            if not known.kept_at.is_file():
                continue
            with known.kept_at.open("rb", buffering=0) as kept:
                measured = measure(kept)
        if measured.sha256 != seen.digits:
            continue
        progress.say(f"{file.name}: taking the bytes that were set aside; nothing is fetched")
        hashes = Hashes(
            (
                seen,
                Hash(HashKind.AUTOV2, seen.digits[:10]),
                Hash(HashKind.BLAKE3, measured.blake3),
            )
        )
        fetched = FetchedFile(known.kept_at, measured.size_bytes, hashes, measured.pieces, 0)
        named = (source for source in file.sources if str(source) in known.sources)
        source = next(named, file.sources[0])
        rooms.catalog.disputes.accept(known)
        return fetched, source, known
    return None
