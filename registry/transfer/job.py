"""Fetch one file: decide what of an earlier run holds, let the crew work, look at the result."""

import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from registry.domain.hashes import Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.pieces import PieceMap
from registry.domain.progress import Progress
from registry.errors import NotTheFile, RemoteChanged, SizeMismatch, StoreError
from registry.transfer import answers
from registry.transfer.asking import Nerves, ask
from registry.transfer.body import LineLost
from registry.transfer.brake import Brake
from registry.transfer.client import Answer, Way
from registry.transfer.coverage import Coverage
from registry.transfer.crew import Crew, StartAnew, Task, reopener
from registry.transfer.hasher import Hasher, measure_piece
from registry.transfer.journal import Journal
from registry.transfer.keeper import Keeper
from registry.transfer.options import Expectation, TransferOptions
from registry.transfer.pace import Pace
from registry.transfer.partial import Part
from registry.transfer.resume import Continue, Faulty, FromStart, Head, Standing
from registry.transfer.segments import ENDLESS, Segments, missing
from registry.transfer.tally import Tally

logger = logging.getLogger(__name__)

_RESTARTS = 4
_TICK_S = 0.05
# Threads beside the connections: three hashers, and the one that writes whole pieces.
_HELPERS = 4


@dataclass(frozen=True, slots=True)
class Manner:
    """How to ask this time.

    Attributes:
        plain: For the whole file, without ranges.
        fresh: Past all caches.
    """

    plain: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be fetched, where from and where to; the brake ends it at any time."""

    way: Way
    part: Part
    expected: Expectation
    options: TransferOptions
    progress: Progress
    pace: Pace
    brake: Brake


class BrokenOff(Exception):
    """Whoever wanted the file does not want to wait for it any more."""


class Job:
    """One fetch: as many attempts as it takes, each an answer, its connections and its hashers."""

    def __init__(self, order: Order) -> None:
        self._way = order.way
        self._part = order.part
        self._expected = order.expected
        self._provable = order.expected.hashes.can_prove
        self._options = order.options
        self._progress = Tally(order.progress)
        self._pace = order.pace
        self._nerves = Nerves(order.way, order.options, self._progress)
        self._brake = order.brake
        self._fetched_bytes = 0
        self._validators: set[str] = set()

    def run(self) -> FetchedFile:
        """Attempt it, and begin anew where what we have cannot be continued."""
        manner = Manner(plain=self._options.plain, fresh=self._options.fresh)
        because = ""
        try:
            for restart in range(_RESTARTS + self._options.attempts_without_progress):
                try:
                    return self._attempt(manner)
                except StartAnew as anew:
                    because = anew.because
                    self._forget(because)
                    if anew.lost is not None:
                        self._rest(self._nerves.wait_after(anew.lost, at_byte=0))
                    elif restart >= _RESTARTS:
                        break
                    manner = replace(manner, plain=manner.plain or anew.plain or restart > 0)
                except WrongBytes as wrong:
                    if manner.fresh or not self._options.refetch_wrong:
                        return wrong.file
                    self._forget("the bytes are not the promised ones")
                    manner = Manner(plain=True, fresh=True)
            raise RemoteChanged(self._way.name, because)
        finally:
            self._progress.end()

    def _attempt(self, manner: Manner) -> FetchedFile:
        journal = None if manner.plain else self._usable_journal()
        if journal is None:
            self._part.reset()
        elif not missing(journal.size_bytes, journal.pieces, journal.piece_bytes):
            return self._work(journal, None, in_ranges=True)
        answer, journal = self._open(journal, manner)
        try:
            journal, in_ranges = self._examine(answer, journal)
        except BaseException:
            self._way.let_go(answer)
            raise
        if 0 < journal.size_bytes <= journal.piece_bytes and not journal.pieces:
            return self._work_at_once(journal, answer, in_ranges=in_ranges)
        return self._work(journal, answer, in_ranges=in_ranges)

    def _usable_journal(self) -> Journal | None:
        """The journal of an earlier run, if something can prove that the rest belongs to it."""
        journal = self._part.journal()
        if journal is None or self._expected.size_bytes not in (None, journal.size_bytes):
            return None
        if journal.source == self._way.name and journal.validator is not None:
            self._validators.add(journal.validator)
            return journal
        return journal if self._provable else None

    def _open(self, journal: Journal | None, manner: Manner) -> tuple[Answer, Journal | None]:
        """Send the first request; the answer decides what of the journal holds."""
        standing, end = Standing(provable=self._provable), None
        if journal is not None:
            begin, end = missing(journal.size_bytes, journal.pieces, journal.piece_bytes)[0]
            standing = self._standing(journal, at_byte=begin)
        while True:
            answer = None
            try:
                answer, verdict = ask(
                    self._way, standing, end, plain=manner.plain, fresh=manner.fresh
                )
                answer.body.peek(answers.PEEK_BYTES)
            except LineLost as lost:
                if answer is not None:
                    self._way.let_go(answer)
                self._rest(self._nerves.wait_after(lost, at_byte=standing.at_byte))
                continue
            match verdict:
                case Continue():
                    return answer, journal
                case FromStart(because):
                    self._forget(because)
                    return answer, None
                case _:
                    self._way.let_go(answer)
                    because = getattr(verdict, "because", "the server has nothing more")
                    raise StartAnew(because, plain=isinstance(verdict, Faulty))

    def _examine(self, answer: Answer, journal: Journal | None) -> tuple[Journal, bool]:
        """Refuse what is not the file before a byte of it is written; plan the rest."""
        head, expected = answer.head, self._expected
        total = head.total_bytes
        known = expected.size_bytes is not None and total == expected.size_bytes
        if journal is None and not (known and self._provable):
            first = answer.body.peek(answers.PEEK_BYTES)
            name = self._way.download.file_name
            what = answers.not_the_file(first, head.content_type, file_name=name)
            if what is None and not first:
                what = "an empty body"
            if what is not None:
                raise NotTheFile(self._way.name, what)
        if expected.size_bytes is not None and total is not None and not known:
            raise self._size_mismatch(total)
        self._way.settle(answer)
        if head.validator is not None:
            self._validators.add(head.validator)
        fresh = Journal(self._way.name, self._way.download.file_name, total or 0, head.validator)
        if journal is not None:
            fresh = replace(fresh, size_bytes=journal.size_bytes, pieces=journal.pieces)
        return fresh, self._can_go_on(head)

    def _can_go_on(self, head: Head) -> bool:
        return head.begin is not None and (head.validator is not None or self._provable)

    def _work_at_once(self, journal: Journal, answer: Answer, *, in_ranges: bool) -> FetchedFile:
        """A file of one piece: threads would only get in each other's way."""
        piece = memoryview(bytearray(journal.size_bytes))
        self._progress.begin(self._way.download.file_name, len(piece))
        came, lost = self._pour(answer, piece)
        self._part.write(0, piece[:came])
        if came == len(piece):
            autov3_up_to = self._autov3_up_to(len(piece))
            hashes, pieces = measure_piece(piece, autov3_up_to_bytes=autov3_up_to)
            return self._finish(hashes, pieces)
        if lost is not None and not in_ranges:
            raise StartAnew(lost.because, plain=True, lost=lost)
        if lost is not None:
            if came > 0 and not lost.stalled:
                self._nerves.calm()
            self._rest(self._nerves.wait_after(lost, at_byte=came))
        return self._work(journal, None, in_ranges=in_ranges, came=came)

    def _pour(self, answer: Answer, piece: memoryview) -> tuple[int, LineLost | None]:
        """Fill `piece` from one answer: how many bytes came, and what ended them too early."""
        came, lost, body = 0, None, answer.body
        try:
            with self._brake.calls(self._way.cut):
                while count := body.read_into(piece[came : came + self._pace.gulp_bytes]):
                    came += count
                    self._progress.advance(count)
                    self._pace.spend(count, self._brake.wait)
            if came == 0 or (came < len(piece) and body.left is None):
                lost = LineLost("the body ended too early")
        except LineLost as error:
            lost = error
        finally:
            self._way.let_go(answer)
            self._fetched_bytes += came
        self._rest(0.0)
        return came, lost

    def _work(
        self, journal: Journal, answer: Answer | None, *, in_ranges: bool, came: int = 0
    ) -> FetchedFile:
        """Let the connections bring the bytes and the hashers follow them.

        Args:
            journal: Says what of an earlier run holds.
            answer: What the first connection goes on with.
            in_ranges: The rest can be asked for.
            came: So many bytes of a file without finished pieces lie in the part already.
        """
        size = journal.size_bytes or None
        if size is not None:
            self._part.prepare(size)
        lock = threading.Lock()
        gaps = missing(size or ENDLESS, journal.pieces, journal.piece_bytes)
        segments = Segments([(max(begin, came), end) for begin, end in gaps])
        coverage = Coverage(
            size, claims=journal.pieces, lost=reopener(segments, lock, self._progress)
        )
        self._progress.begin(self._way.download.file_name, size, journal.done_bytes)
        if came:
            coverage.arrive(0, came)
        hasher = Hasher(coverage, self._part.read, autov3_up_to_bytes=self._autov3_up_to(size))
        task = Task(
            way=self._way,
            part=self._part,
            coverage=coverage,
            segments=segments,
            standing=self._standing(journal),
            promised_bytes=self._expected.size_bytes,
            in_ranges=in_ranges,
            options=self._options,
            progress=self._progress,
            pace=self._pace,
        )
        keeper = Keeper(self._part, journal, coverage, self._options) if in_ranges else None
        try:
            with ThreadPoolExecutor(self._options.connections + _HELPERS) as executor:
                crew = Crew(task, executor, lock)
                try:
                    with self._brake.calls(crew.stop):
                        crew.start(answer)
                        hasher.start(executor)
                        self._watch(hasher, crew, keeper, coverage)
                finally:
                    crew.stop()
                    hasher.stop()
                    self._fetched_bytes += crew.fetched_bytes
        except StartAnew:
            raise
        except BaseException:
            if keeper is not None and self._part.is_open:
                with contextlib.suppress(StoreError):
                    hasher.settle_leftovers()
                    keeper.keep()
            raise
        return self._finish(*hasher.result(), keeper)

    def _watch(self, hasher: Hasher, crew: Crew, keeper: Keeper | None, coverage: Coverage) -> None:
        """Until all is hashed: add connections, keep the journal, pass on what went wrong."""
        while not hasher.is_done:
            self._rest(0.0)
            crew.staff()
            if keeper is not None:
                keeper.keep_if_due()
            with coverage.changed:
                coverage.changed.wait(_TICK_S)

    def _rest(self, seconds: float) -> None:
        if self._brake.wait(seconds):
            raise BrokenOff

    def _finish(
        self, hashes: Hashes, pieces: PieceMap, keeper: Keeper | None = None
    ) -> FetchedFile:
        self._part.cut(pieces.size_bytes)
        if self._expected.size_bytes not in (None, pieces.size_bytes):
            raise self._size_mismatch(pieces.size_bytes)
        if pieces.size_bytes == 0:
            raise NotTheFile(self._way.name, "an empty body")
        if keeper is not None and pieces.size_bytes >= self._options.single_below_bytes:
            keeper.keep()  # what no journal names is synced by the store, before it has a name
        file = FetchedFile(
            self._part.path,
            pieces.size_bytes,
            hashes,
            pieces,
            self._fetched_bytes,
            changed=len(self._validators) > 1,
        )
        wrong = self._expected.hashes.contradictions(hashes)
        if self._expected.hashes.sha256 is not None:
            wrong = tuple(pair for pair in wrong if pair[0].kind is HashKind.SHA256)
        if wrong:
            raise WrongBytes(file)
        return file

    def _standing(self, journal: Journal, at_byte: int = 0) -> Standing:
        ours = journal.source == self._way.name
        return Standing(
            at_byte=at_byte,
            size_bytes=journal.size_bytes or None,
            validator=journal.validator if ours else None,
            provable=self._provable,
        )

    def _autov3_up_to(self, size_bytes: int | None) -> int:
        known = self._expected.hashes
        only_proof = known.get(HashKind.AUTOV3) is not None and not known.can_prove
        return (size_bytes or 0) if only_proof else self._options.autov3_up_to_bytes

    def _forget(self, because: str) -> None:
        """Begin anew, and say so."""
        logger.info("%s: begins anew: %s", self._way.name, because)
        self._progress.say(f"{self._way.name}: begins anew: {because}")
        self._progress.take_back()
        self._part.reset()

    def _size_mismatch(self, got_bytes: int) -> SizeMismatch:
        expected = self._expected.size_bytes or 0
        return SizeMismatch(self._way.download.file_name, expected, got_bytes, self._way.name)


class WrongBytes(Exception):
    """The file is whole, and not the promised one."""

    def __init__(self, file: FetchedFile) -> None:
        super().__init__(str(file.path))
        self.file = file
