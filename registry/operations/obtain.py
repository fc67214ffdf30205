"""Get the bytes of one file from whichever of its sources has them, and prove them."""

import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from registry.domain.dispute import Dispute
from registry.domain.hashes import Hash
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.progress import Progress
from registry.domain.source import Download, Source
from registry.errors import (
    ConnectionLost,
    DownloadTimeout,
    GoneFromHub,
    HashMismatch,
    HubError,
    SizeMismatch,
    TransferError,
)
from registry.operations.disputes import accepted, kept_bytes, set_aside, verdict
from registry.operations.prove import Proof, expectation_of, promise_of
from registry.operations.readings import Reading, cause_seen
from registry.operations.rooms import Rooms
from registry.operations.salvage import Salvage
from registry.operations.sources import Ask, asks, most_telling, part_key
from registry.store.trouble import disk_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Obtained:
    """Bytes that arrived whole.

    Attributes:
        fetched: Where they lie and what was measured.
        source: Where they came from.
        proven: Whether a hash that was known beforehand was matched.
        dispute: What was promised instead, where the user accepts other bytes.
    """

    fetched: FetchedFile
    source: Source
    proven: bool
    dispute: Dispute | None = None


def obtain(
    file: ModelFile, rooms: Rooms, progress: Progress, *, accept: Hash | None = None
) -> Obtained:
    """Fetch `file` from the first source that has the promised bytes.

    Sources are asked in order; one that is gone is remembered as such. What one of them brought
    before it died, the next one goes on with. When all are gone, other hubs are asked for the
    hash. Bytes that are not the promised ones are kept until it is known why: they are compared
    with those of the next source, or with a second read of the only one, and mended by the piece.

    Args:
        file: What is wanted.
        rooms: Where to get it and where to put it.
        progress: Hears what happens.
        accept: SHA-256 of other bytes that the user accepts, if that is what comes.

    Raises:
        GoneFromHub: Nobody has it any more.
        HashMismatch: Somebody has it, but with other bytes; those are in quarantine.
        HashDisputed: Whole reads agree with each other and not with what is known.
        HubError, TransferError: The most telling reason why no source gave it.
        StoreError: The disk refused; no other source would help.
    """
    if accept is not None and (kept := kept_bytes(file, accept, rooms, progress)) is not None:
        fetched, source, dispute = kept
        return Obtained(fetched, source, proven=False, dispute=dispute)
    hunt = _Hunt(file, rooms, progress, accept)
    try:
        return hunt.run()
    finally:
        hunt.close()


class _Hunt:
    """One file, its sources, and what they did so far."""

    def __init__(
        self, file: ModelFile, rooms: Rooms, progress: Progress, accept: Hash | None
    ) -> None:
        self._file = file
        self._rooms = rooms
        self._progress = progress
        self._accept = accept
        self._failures: dict[Source, HubError | TransferError] = {}
        self._salvage = Salvage(file, rooms, progress)
        self._taken: set[str] = set()
        self._claims = ExitStack()

    def close(self) -> None:
        """Let go of the parts; what is not needed any more is gone."""
        self._salvage.tidy()
        self._claims.close()

    def run(self) -> Obtained:
        """Ask one source after the other, then compare what came."""
        for ask in asks(self._file, self._rooms, self._progress, self._failures):
            if (obtained := self._turn(ask)) is not None:
                return obtained
        if (obtained := self._last_resort()) is not None:
            return obtained
        error = verdict(self._salvage, self._file, self._rooms)
        raise error or most_telling(self._failures, self._file)

    def _turn(self, ask: Ask) -> Obtained | None:
        source = ask.source
        try:
            obtained = self._read(ask)
        except (HubError, TransferError) as error:
            self._failures[source] = error
            if isinstance(error, GoneFromHub):
                self._rooms.catalog.models.mark_gone(source, self._rooms.clock())
            self._progress.say(f"{source}: {error}")
            return None
        if obtained is not None:
            if self._file.gone_since is not None:
                self._rooms.catalog.models.mark_present(source)
            if self._failures.keys() - {source}:
                self._progress.say(f"{self._file.name}: took it from {source} instead")
        return obtained

    def _last_resort(self) -> Obtained | None:
        """Nobody else is left: ask those who sent wrong or too few bytes once more."""
        senders = [each.source for each in self._salvage.readings if each.may_come_right]
        source = next((each for each in senders if each is not None), None)
        if source is None:
            return None
        if not self._salvage.agreed and (made := self._salvage.ask_again()) is not None:
            return self._settled(made)
        self._progress.say(f"{source}: reading the file once more, past all caches")
        # One stream, because some servers count ranges wrongly; ranges, if no stream holds.
        for plain in (True, False):
            obtained = self._turn(Ask(source, hurried=False, plain=plain))
            if obtained is not None:
                return obtained
            if not isinstance(self._failures[source], ConnectionLost | DownloadTimeout):
                break
        made = self._salvage.ask_again()
        return self._settled(made) if made is not None else None

    # ── one read ──────────────────────────────────────────────────────────────────────────────────

    def _read(self, ask: Ask) -> Obtained | None:
        """Fetch the file whole; None if it is not the promised one, nor can be made of it."""
        while True:
            reading, proof = self._fetch(ask)
            if proof is not None:
                return self._arrived(reading, proof, ask.source)
            made = self._keep(reading)
            if made is not None:
                return self._settled(made)
            if reading.source is not None:
                return None
            # It lay here already, and nobody knows who sent it: this source may have it right.

    def _fetch(self, ask: Ask) -> tuple[Reading, Proof | None]:
        rooms, file, source = self._rooms, self._file, ask.source
        hub = rooms.hub(source.hub)
        download = hub.locate(source, file)
        promise = promise_of(file, download, self._accept)
        options = replace(rooms.downloader.options, refetch_wrong=False, plain=ask.plain)
        key = self._free_key(source)
        held = rooms.downloader.held_pieces(key)
        try:
            fetched = rooms.downloader.fetch(
                download,
                expectation_of(file, download, promise),
                key=key,
                relocate=partial(hub.locate, source, file),
                progress=self._progress,
                options=replace(
                    options.hurried() if ask.hurried else options,
                    fresh=bool(self._salvage.readings),
                ),
            )
        except SizeMismatch as error:
            raise _with_cause(error, download) from error
        here = range(len(fetched.pieces.digests))
        earlier = [i for i in here if held.get(i) == fetched.pieces.digests[i]]
        if fetched.fetched_bytes >= fetched.size_bytes:
            earlier = []
        reading = Reading(
            source if len(earlier) < len(here) else None, fetched, promise, frozenset(earlier)
        )
        return reading, promise.judge(fetched.hashes)

    def _free_key(self, source: Source) -> str:
        """A part that holds no wrong file; it is ours until the end."""
        base = part_key(self._file, source)
        key, number = base, 1
        while key in self._taken:
            number += 1
            key = f"{base}.{number}"
        self._claims.enter_context(self._rooms.downloader.claim(key, self._progress))
        return key

    def _keep(self, reading: Reading) -> FetchedFile | None:
        """Keep a wrong file, and see what can be made of it."""
        file, source = self._file, reading.source
        reading = replace(reading, cause=cause_seen(reading, file, self._rooms))
        expected, got = (str(each) for each in reading.wrong)
        who = str(source or "an earlier run")
        error = HashMismatch(file.name, expected, got, who, cause=reading.cause)
        if source is not None:
            self._failures[source] = error
        self._progress.say(f"{who}: the bytes of {file.name} are not the promised ones ({got})")
        key = reading.fetched.path.stem
        if reading.is_comparable:
            self._taken.add(key)
        else:
            kept_at = self._kept_before(reading) or self._rooms.store.quarantine(
                reading.fetched.path, str(error)
            )
            self._rooms.downloader.discard(key)
            reading = replace(reading, kept_at=kept_at)
        others = [each for each in file.sources if each not in self._failures]
        return self._salvage.add(reading, others)

    def _kept_before(self, reading: Reading) -> Path | None:
        """Where the very same bytes lie already, if somebody sent them before."""
        sha256 = reading.fetched.hashes.sha256
        twins = (each for each in self._salvage.readings if each.fetched.hashes.sha256 == sha256)
        return next((each.kept_at for each in twins if each.kept_at is not None), None)

    # ── the promised file ─────────────────────────────────────────────────────────────────────────

    def _settled(self, made: FetchedFile) -> Obtained:
        """What was made of several reads; the other reads are used up."""
        readings = [each for each in self._salvage.readings if each.is_comparable]
        for reading in readings:
            if reading.fetched.path != made.path:
                self._rooms.downloader.discard(reading.fetched.path.stem)
        sources = (reading.source for reading in readings if reading.source is not None)
        source = next(sources, self._file.sources[0])
        self._drop_second_reads(source, made.path)
        return Obtained(made, source, proven=True)

    def _arrived(self, reading: Reading, proof: Proof, source: Source) -> Obtained:
        """A read that may be used as it came: the wrong ones before it are set aside."""
        fetched = reading.fetched
        for wrong in self._salvage.readings:
            if wrong.is_comparable:
                set_aside(wrong, self._rooms)
        if self._taken:
            # The part of this name is what a later run looks for, and what the claim tidies.
            path = fetched.path.with_name(f"{min(self._taken, key=len)}.part")
            with disk_errors(path):
                fetched.path.replace(path)
            fetched = replace(fetched, path=path)
        self._drop_second_reads(source, fetched.path)
        dispute = None
        if proof is Proof.ACCEPTED:
            dispute = accepted(replace(reading, source=source), self._file, self._rooms)
        return Obtained(fetched, source, proof is Proof.PROVEN, dispute)

    def _drop_second_reads(self, source: Source, promised: Path) -> None:
        """Nobody goes on with the second reads of an earlier run that was killed over them."""
        folder, first = promised.parent, f"{part_key(self._file, source)}."
        with disk_errors(folder):
            names = os.listdir(folder)  # noqa: PTH208 -- names alone, after every file
        for name in names:
            key, _, suffix = name.rpartition(".")
            # What ends in no number belongs to a process that cannot lock.
            is_second = key.startswith(first) and key.rpartition(".")[2].isdigit()
            if is_second and suffix == "part" and name != promised.name:
                self._rooms.downloader.discard(key)


def _with_cause(error: SizeMismatch, download: Download) -> SizeMismatch:
    """Why the file has another length: the hub's own word counts more than that of the server."""
    if download.size_bytes == error.got_bytes or error.got_bytes > error.expected_bytes:
        cause = "replaced"
    else:
        cause = "cut"
    return SizeMismatch(error.file_name, error.expected_bytes, error.got_bytes, error.source, cause)
