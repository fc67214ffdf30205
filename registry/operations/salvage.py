"""Make the promised file out of several reads of it, none of which is right.

What is right in a wrong file is kept; only the pieces in doubt are asked for again. The attempts
are bounded, in this order, and each of them ends in a proof of the whole file by its hash:

1. the piece map of the right bytes is known (a blob that was damaged or lost has left it here):
   the pieces that differ from it are asked for;
2. the file came from several sources: the last one is asked for what the others brought;
3. two whole reads differ: the pieces that differ are asked for a third time, of a source that
   has not lied, and the majority is tried; where few pieces differ, every mixture of their
   versions, eight at most. Where nobody else can be asked, what is here is tried first, and
   those who sent it are asked only then.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import blake3

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.pieces import PieceMap
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.errors import HubError, TransferError
from registry.operations.ballot import Ballot, Mixture
from registry.operations.prove import Proof
from registry.operations.readings import Reading
from registry.operations.rooms import Rooms
from registry.store.trouble import disk_errors

_MOST_MIXTURES = 8
# More doubtful pieces than this share of the file are no damage: it is another file.
_WORTH_MENDING = 0.5


class Salvage:
    """The wrong reads of one file, and what can be made of them.

    Args:
        file: What is wanted.
        rooms: The hubs and the downloader fetch pieces; the store may know a piece map.
        progress: Hears what is done.
    """

    def __init__(self, file: ModelFile, rooms: Rooms, progress: Progress) -> None:
        self.readings: list[Reading] = []
        self.fetched_bytes = 0
        self._file = file
        self._rooms = rooms
        self._progress = progress
        self._ballot: Ballot | None = None
        self._places: dict[tuple[int, str], Path] = {}
        self._tried: set[Mixture] = set()
        self._scraps: list[Path] = []

    def add(self, reading: Reading, others: Sequence[Source]) -> FetchedFile | None:
        """Take in one more read, and see whether the file can be made now.

        Args:
            reading: A whole read that is not the promised file.
            others: Sources that have served nothing wrong; they are asked for pieces first.

        Returns:
            The promised file, proven; None if more must be read.
        """
        self.readings.append(reading)
        self.fetched_bytes += reading.fetched.fetched_bytes
        if not reading.is_comparable or not reading.promise.known.can_prove:
            return None
        self._count(reading)
        return (
            self._by_known_pieces(reading, others)
            or self._completed(reading)
            or self._by_majority(others)
        )

    @property
    def agreed(self) -> tuple[Reading, ...]:
        """The readings of the first bytes that two reads agree on; empty if none do."""
        for one in self.readings:
            same = [
                other
                for other in self.readings
                if other.is_comparable and other.fetched.hashes.sha256 == one.fetched.hashes.sha256
            ]
            if one.is_comparable and len(same) > 1:
                return tuple(same)
        return ()

    def ask_again(self) -> FetchedFile | None:
        """Nobody else is left: ask those who sent wrong bytes for the pieces in doubt, once."""
        senders = [reading.source for reading in reversed(self.readings) if reading.is_comparable]
        return self._by_majority([source for source in dict.fromkeys(senders) if source])

    def tidy(self) -> None:
        """Remove the pieces that were fetched by themselves."""
        for scrap in self._scraps:
            with disk_errors(scrap):
                scrap.unlink(missing_ok=True)

    # ── the three ways ────────────────────────────────────────────────────────────────────────────

    def _by_known_pieces(self, reading: Reading, others: Sequence[Source]) -> FetchedFile | None:
        sha256, pieces = reading.promise.known.sha256, reading.fetched.pieces
        known = self._rooms.store.pieces(sha256) if sha256 is not None else None
        if known is None or not self._is_ours(known):
            return None
        doubtful = known.differing(pieces)
        if not self._is_damage(doubtful):
            return None
        self._say(f"{_count_of(doubtful)} of {len(known.digests)} must come again", doubtful)
        askable = [*others, *([reading.source] if reading.source else ())]
        for source in askable:
            got = self._fetch_pieces(source, doubtful, hurried=len(askable) > 1)
            if got == {index: known.digests[index] for index in doubtful}:
                return self._made_of(known.digests)
        return None

    def _completed(self, reading: Reading) -> FetchedFile | None:
        """Let the source of the last pieces bring the first ones too: they may be what is wrong."""
        if reading.source is None or not reading.earlier:
            return None
        self._say("it came from several sources; asking the last one for the rest", ())
        if not self._fetch_pieces(reading.source, sorted(reading.earlier), hurried=False):
            return None
        return self._best_mixture()

    def _by_majority(self, askable: Sequence[Source]) -> FetchedFile | None:
        doubtful = self._ballot.contested if self._ballot is not None else ()
        if self._ballot is None or not doubtful:
            return None
        if not askable:
            self._say(f"reads differ in {_count_of(doubtful)}; trying which of them is right", ())
        elif self._is_damage(doubtful):
            self._say(f"reads differ in {_count_of(doubtful)}; asking a third time", doubtful)
            for source in askable:
                if self._fetch_pieces(source, doubtful, hurried=len(askable) > 1):
                    break
        return self._best_mixture()

    def _is_damage(self, doubtful: Sequence[int]) -> bool:
        return 0 < len(doubtful) <= max(1, _WORTH_MENDING * len(self._pieces.digests))

    # ── votes ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def _pieces(self) -> PieceMap:
        return next(each.fetched.pieces for each in self.readings if each.is_comparable)

    def _is_ours(self, pieces: PieceMap) -> bool:
        ours = self._pieces
        return (pieces.size_bytes, pieces.piece_bytes) == (ours.size_bytes, ours.piece_bytes)

    def _count(self, reading: Reading) -> None:
        pieces = reading.fetched.pieces
        if not self._is_ours(pieces):
            return
        self._tried.add(pieces.digests)
        self._cast(dict(enumerate(pieces.digests)), reading.fetched.path)

    def _cast(self, digests: Mapping[int, str], place: Path) -> None:
        if self._ballot is None:
            self._ballot = Ballot(digests.values())
        else:
            self._ballot.cast(digests)
        for index, digest in digests.items():
            self._places.setdefault((index, digest), place)

    def _fetch_pieces(
        self, source: Source, wanted: Sequence[int], *, hurried: bool
    ) -> dict[int, str]:
        """Ask a source for these pieces; what came has its vote. Empty if it does not give them."""
        pieces, rooms = self._pieces, self._rooms
        options = replace(rooms.downloader.options, durable=False, fresh=True)
        base = self.readings[0].fetched.path
        scrap = base.with_name(f"{base.stem}.{len(self._scraps)}.pieces")
        self._scraps.append(scrap)
        with disk_errors(scrap), scrap.open("wb") as file:
            file.truncate(pieces.size_bytes)
        try:
            self.fetched_bytes += rooms.downloader.fetch_ranges(
                rooms.hub(source.hub).locate(source, self._file),
                pieces.ranges(wanted),
                scrap,
                size_bytes=pieces.size_bytes,
                progress=self._progress,
                options=options.hurried() if hurried else options,
            )
        except (HubError, TransferError) as error:
            self._progress.say(f"{source}: {error}")
            return {}
        with disk_errors(scrap), scrap.open("rb", buffering=0) as file:
            digests = {}
            for index in wanted:
                begin, end = pieces.span(index)
                file.seek(begin)
                digests[index] = blake3.blake3(file.read(end - begin)).hexdigest()
        self._cast(digests, scrap)
        return digests

    # ── mixtures ──────────────────────────────────────────────────────────────────────────────────

    def _best_mixture(self) -> FetchedFile | None:
        assert self._ballot is not None
        for mixture in self._ballot.mixtures(limit=_MOST_MIXTURES):
            if mixture not in self._tried and (made := self._made_of(mixture)) is not None:
                return made
        return None

    def _made_of(self, mixture: Mixture) -> FetchedFile | None:
        """Hash the file that these versions of its pieces make; write it if it is the right one."""
        self._tried.add(mixture)
        first = next(each for each in self.readings if each.is_comparable)
        pieces = PieceMap(self._pieces.size_bytes, mixture, self._pieces.piece_bytes)
        self._progress.begin(f"proving {self._file.name}", pieces.size_bytes)
        with disk_errors(first.fetched.path):
            hashes = _measured(self._read(mixture), self._progress)
        self._progress.end()
        if first.promise.judge(hashes) is not Proof.PROVEN:
            return None
        with disk_errors(first.fetched.path), first.fetched.path.open("r+b") as out:
            for index in pieces.differing(first.fetched.pieces):
                out.seek(pieces.span(index)[0])
                out.write(b"".join(self._read(mixture, only=(index,))))
        mended = len(pieces.differing(first.fetched.pieces))
        self._progress.say(f"{self._file.name}: {mended} of {len(mixture)} pieces were put right")
        return FetchedFile(
            first.fetched.path, pieces.size_bytes, hashes, pieces, self.fetched_bytes
        )

    def _read(self, mixture: Mixture, *, only: Iterable[int] | None = None) -> Iterator[bytes]:
        """The pieces of a mixture, each from a file that holds this version of it."""
        with ExitStack() as opened:
            places = {path for (_, _), path in self._places.items()}
            files = {path: opened.enter_context(path.open("rb", buffering=0)) for path in places}
            for index in only if only is not None else range(len(mixture)):
                begin, end = self._pieces.span(index)
                file = files[self._places[index, mixture[index]]]
                file.seek(begin)
                yield file.read(end - begin)

    def _say(self, what: str, doubtful: Sequence[int]) -> None:
        ranges = self._pieces.ranges(doubtful)
        size_bytes = sum(end - begin for begin, end in ranges)
        more = f" ({size_bytes:,} bytes)" if size_bytes else ""
        self._progress.say(f"{self._file.name}: {what}{more}")


def _count_of(pieces: Sequence[int]) -> str:
    return "one piece" if len(pieces) == 1 else f"{len(pieces)} pieces"


def _measured(pieces: Iterable[bytes], progress: Progress) -> Hashes:
    whole, tree = hashlib.sha256(), blake3.blake3()
    for piece in pieces:
        whole.update(piece)
        tree.update(piece)
        progress.advance(len(piece))
    digits = whole.hexdigest()
    return Hashes(
        (
            Hash(HashKind.SHA256, digits),
            Hash(HashKind.AUTOV2, digits[:10]),
            Hash(HashKind.BLAKE3, tree.hexdigest()),
        )
    )
