"""The connections of one file: each takes a stretch, brings it, and takes the next."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress
from registry.errors import SdregError, SizeMismatch
from registry.transfer.asking import Nerves, SlowDown, ask
from registry.transfer.body import Body, LineLost
from registry.transfer.client import Answer, Way
from registry.transfer.coverage import Coverage
from registry.transfer.express import Express
from registry.transfer.options import TransferOptions
from registry.transfer.pace import Pace, Ramp
from registry.transfer.partial import Part
from registry.transfer.resume import Changed, Continue, Faulty, FromStart, Standing
from registry.transfer.segments import ENDLESS, Segment, Segments

_MEASURE_S = 0.2
_FAULTS_TO_BEAR = 2


class StartAnew(Exception):
    """What was fetched cannot be continued: forget it and begin again.

    Attributes:
        because: Why, in words.
        plain: Ask for the whole file, without ranges.
        lost: The loss that a stream without ranges cannot recover from.
    """

    def __init__(self, because: str, *, plain: bool = False, lost: LineLost | None = None) -> None:
        super().__init__(because)
        self.because = because
        self.plain = plain
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Task:
    """What the connections work on together.

    Attributes:
        standing: What every answer is held against.
        promised_bytes: Length that the catalog knows, None if it does not.
        in_ranges: The rest can be asked for; else there is one stream, or nothing.
        pace: The limit shared with other files.
    """

    way: Way
    part: Part
    coverage: Coverage
    segments: Segments
    standing: Standing
    promised_bytes: int | None
    in_ranges: bool
    options: TransferOptions
    progress: Progress
    pace: Pace


class Crew:
    """Runs the connections; one thread calls its methods.

    Args:
        task: What to fetch.
        executor: Has room for as many threads as connections are allowed.
        lock: Guards the task's segments.
    """

    def __init__(self, task: Task, executor: Executor, lock: threading.Lock) -> None:
        self.fetched_bytes = 0
        self._task = task
        self._executor = executor
        self._lock = lock
        self._ramp = Ramp(self._limit())
        self._stopping = threading.Event()
        self._express = Express(task.part, task.coverage)
        self._threads: list[Future[None]] = []
        self._hands = 0
        self._faults = 0
        self._measured_at, self._measured_bytes = time.monotonic(), 0

    def start(self, answer: Answer | None) -> None:
        """Begin, with an answer that is already there.

        Its bytes are those of the first gap, so nobody may add gaps before.
        """
        self._threads.append(self._executor.submit(self._express.run))
        if answer is not None:
            self._hire(self._take(), answer)

    def staff(self) -> None:
        """Add connections while that pays, and look how the others fare.

        Raises:
            StartAnew: The file must be fetched from its beginning.
            SdregError: It cannot be fetched.
        """
        for thread in [thread for thread in self._threads if thread.done()]:
            thread.result()
            self._threads.remove(thread)
        elapsed = time.monotonic() - self._measured_at
        if elapsed >= _MEASURE_S:
            rate = (self.fetched_bytes - self._measured_bytes) / elapsed
            self._ramp.consider(rate, self._hands)
            self._measured_at, self._measured_bytes = time.monotonic(), self.fetched_bytes
        with self._lock:
            alone = self._hands == 0 and self._task.segments.has_gaps
            more = 0 < self._hands < self._ramp.wanted and self._task.segments.has_work
        if alone or (self._task.in_ranges and more):
            self._hire()

    def stop(self) -> None:
        """Break everything off."""
        self._stopping.set()
        self._express.close()
        if self._hands > 0:  # else the connections are at rest, and good for the next file
            self._task.way.cut()

    def _limit(self) -> int:
        size = self._task.coverage.size_bytes
        long = size is not None and size >= self._task.options.single_below_bytes
        return self._task.options.connections if self._task.in_ranges and long else 1

    def _hire(self, segment: Segment | None = None, answer: Answer | None = None) -> None:
        with self._lock:
            self._hands += 1
        thread = self._executor.submit(self._work, segment, answer)
        thread.add_done_callback(self._task.coverage.wake)
        self._threads.append(thread)

    def _work(self, segment: Segment | None, answer: Answer | None) -> None:
        nerves = Nerves(self._task.way, self._task.options, self._task.progress)
        stays = True
        try:
            while stays and (segment := segment or self._take()) is not None:
                try:
                    stays = self._bring(segment, answer, nerves)
                finally:
                    self._drop(segment)
                segment = answer = None
        finally:
            with self._lock:
                self._hands -= stays

    def _bring(self, segment: Segment, answer: Answer | None, nerves: Nerves) -> bool:
        """Fetch a segment to its end; False if this connection gives up and others go on."""
        while segment.left > 0 and not self._stopping.is_set():
            before = segment.at
            try:
                answer = answer or self._ask(segment)
                self._pour(segment, answer)
                nerves.calm()
            except LineLost as lost:
                if self._stopping.is_set():
                    return True
                if not self._task.in_ranges:
                    raise StartAnew(lost.because, plain=True, lost=lost) from lost
                if segment.at > before and not lost.stalled:
                    nerves.calm()
                if not self._bear(lost, segment, nerves):
                    return False
            finally:
                if answer is not None:
                    self._task.way.let_go(answer)
                    answer = None
        return True

    def _bear(self, lost: LineLost, segment: Segment, nerves: Nerves) -> bool:
        """Wait after a loss; False if this connection should rather go."""
        if isinstance(lost, SlowDown) and self._may_go():
            return False
        try:
            wait_s = nerves.wait_after(lost, at_byte=segment.at)
        except SdregError:
            if self._may_go():
                return False
            raise
        self._stopping.wait(wait_s)
        return True

    def _may_go(self) -> bool:
        """Whether others are at work; then this connection counts as gone."""
        with self._lock:
            if self._hands <= 1:
                return False
            self._hands -= 1
            self._ramp.back_off()
            return True

    def _ask(self, segment: Segment) -> Answer:
        task = self._task
        standing = replace(task.standing, at_byte=segment.at)
        answer, verdict = ask(task.way, standing, segment.end)
        match verdict:
            case Continue():
                return answer
            case FromStart(because) | Changed(because):
                task.way.let_go(answer)
                raise StartAnew(because)
            case Faulty(because):
                task.way.let_go(answer)
                self._faults += 1
                if self._faults > _FAULTS_TO_BEAR:
                    raise StartAnew(because, plain=True)
                raise LineLost(because)
            case _:
                task.way.let_go(answer)
                raise LineLost("it says that there is nothing more")

    def _pour(self, segment: Segment, answer: Answer) -> None:
        """Bring what comes to its place, as long as it is the segment's."""
        body, limit = answer.body, answer.head.end or self._task.coverage.size_bytes or 0
        begin = segment.at
        while not self._stopping.is_set() and (segment.left > 0 or self._extend(segment, limit)):
            express = self._express if self._hands == 1 else None
            if express is not None and express.accepts(segment.at, segment.end):
                is_more = self._pour_piece(segment, body, express)
            else:
                is_more = self._pour_chunk(segment, body)
            if not is_more:
                break
        came = segment.at - begin
        if self._stopping.is_set():
            return
        if segment.end == ENDLESS:
            self._end_of_stream(segment)
        elif segment.left > 0 and (came == 0 or body.left is None):
            raise LineLost("the body ended too early")

    def _pour_chunk(self, segment: Segment, body: Body) -> bool:
        """Write the next few bytes; False if there are none."""
        task = self._task
        chunk = body.read(min(segment.left, task.pace.gulp_bytes))
        if not chunk:
            return False
        task.part.write(segment.at, chunk)
        begin = segment.at
        task.coverage.arrive(begin, self._count(segment, len(chunk)))
        self._check_promise(segment)
        task.pace.spend(len(chunk), self._stopping.wait)
        return True

    def _pour_piece(self, segment: Segment, body: Body, express: Express) -> bool:
        """Send the next piece by the express way; False if the body ends before it does."""
        task, begin = self._task, segment.at
        buffer = express.buffer()
        if buffer is None:
            return False
        piece = buffer[: task.coverage.span(begin // PIECE_BYTES)[1] - begin]
        filled = 0
        try:
            while filled < len(piece) and not self._stopping.is_set():
                count = body.read_into(piece[filled : filled + task.pace.gulp_bytes])
                if count == 0:
                    break
                filled += self._count(segment, count)
                task.pace.spend(count, self._stopping.wait)
        finally:
            if filled == len(piece):
                express.send(begin, piece, buffer)
            else:
                task.part.write(begin, piece[:filled])
                task.coverage.arrive(begin, filled)
                express.give_back(buffer)
        return filled == len(piece)

    def _check_promise(self, segment: Segment) -> None:
        promised, way = self._task.promised_bytes, self._task.way
        if promised is not None and segment.at > promised:
            raise SizeMismatch(way.download.file_name, promised, segment.at, way.name)

    def _count(self, segment: Segment, count: int) -> int:
        """Note that bytes came; how many of them are the segment's."""
        with self._lock:
            counted = self._task.segments.advance(segment, count)
            self.fetched_bytes += count
        self._task.progress.advance(counted)
        return counted

    def _end_of_stream(self, segment: Segment) -> None:
        """The connection closed: only a promised length can tell whether that was the end."""
        promised = self._task.promised_bytes
        if promised is not None and segment.at < promised:
            raise LineLost("the body ended too early")
        with self._lock:
            segment.end = segment.at
        self._task.coverage.close(segment.at)

    def _take(self) -> Segment | None:
        if self._stopping.is_set():
            return None
        with self._lock:
            hands = max(self._hands, self._ramp.wanted if self._task.in_ranges else 1)
            return self._task.segments.take(hands=hands)

    def _extend(self, segment: Segment, limit: int) -> bool:
        with self._lock:
            return self._task.segments.extend(segment, limit=limit, hands=self._hands)

    def _drop(self, segment: Segment) -> None:
        with self._lock:
            self._task.segments.drop(segment)


def reopener(
    segments: Segments, lock: threading.Lock, progress: Progress
) -> Callable[[int, int], None]:
    """What the coverage calls when bytes of an older run turn out wrong."""

    def reopen(begin: int, end: int) -> None:
        with lock:
            segments.reopen(begin, end)
        progress.advance(begin - end)

    return reopen
