"""Are the stored files still what was stored? Reads them, file by file, and keeps what it finds."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from registry.audit.budget import Budget, Candidate, Subset, in_order
from registry.audit.graphics import BUSY_PERCENT, busiest_percent
from registry.audit.pace import Pace
from registry.domain.audit import AuditRun, Ending, Finding
from registry.domain.install import Install
from registry.domain.progress import Progress
from registry.errors import AuditRunning, InUse
from registry.operations.look_at import Search, look_at, whereabouts
from registry.operations.rooms import Rooms

DUE_AFTER = timedelta(days=30)
"""How long a check is good for where no schedule says otherwise."""

_LOCK = "audit"
_LOOK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Clockwork:
    """Time that nobody sets: how much of it has passed, and how to let some pass."""

    seconds: Callable[[], float]
    rest: Callable[[float], object]


@dataclass(frozen=True, slots=True)
class AuditWish:
    """What an audit shall do.

    Attributes:
        scope: ``all``, ``due``, ``subset``, ``named`` or ``repair``: what history calls it.
        due_after: Only files that were not found right for so long, and those known to be bad.
        subset: Only this part of them.
        budget: When to begin no further file.
        bytes_per_s: Read no faster.
        deep: Compute SHA-256 too, look at structure and weights.
        yields_to_gpu: Begin no file while a GPU is busy.
        trigger: ``user`` or ``schedule``.
    """

    scope: str = "all"
    due_after: timedelta | None = None
    subset: Subset | None = None
    budget: Budget = field(default_factory=Budget)
    bytes_per_s: int | None = None
    deep: bool = False
    yields_to_gpu: bool = False
    trigger: str = "user"


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that was found about one stored file and its names; only `OK` if all is well.

    Attributes:
        installs: Who refers to it; those that were asked for come first.
    """

    installs: tuple[Install, ...]
    findings: tuple[Finding, ...]

    @property
    def install(self) -> Install:
        """The one that it is called by."""
        return self.installs[0]

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not any(finding.is_bad for finding in self.findings)

    def owner_of(self, finding: Finding) -> Install:
        """Whose link a finding is about; of the file itself, the one that it is called by."""
        owners = (
            install
            for install in self.installs
            if any(link.path == finding.path for link in install.links)
        )
        return next(owners, self.install)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit read and found."""

    run: AuditRun
    checked: tuple[Checked, ...]

    @property
    def read_bytes(self) -> int:
        """How many bytes were read."""
        return self.run.read_bytes

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every bad finding."""
        return tuple(
            finding for item in self.checked for finding in item.findings if finding.is_bad
        )


def audit(
    installs: Iterable[Install],
    wish: AuditWish,
    rooms: Rooms,
    progress: Progress,
    clockwork: Clockwork,
) -> AuditReport:
    """Check what these installs refer to, each stored file once; changes nothing but the records.

    Known-bad files come first, then those that were not looked at for the longest time: who stops
    at a budget goes on there the next time. What was found about a file is kept as soon as it was
    read, so whatever ends the run loses the file at hand at most.

    Raises:
        AuditRunning: Another process is at it.
        CatalogError, StoreError: The records cannot be written.
    """
    with alone(rooms):
        return _Audit(wish, rooms, progress, clockwork).run(tuple(installs))


class _Audit:
    """One audit under way."""

    def __init__(
        self, wish: AuditWish, rooms: Rooms, progress: Progress, clockwork: Clockwork
    ) -> None:
        self._wish = wish
        self._rooms = rooms
        self._clockwork = clockwork
        self._begun_s = clockwork.seconds()
        pace = None
        if wish.bytes_per_s is not None:
            pace = Pace(wish.bytes_per_s, clockwork.seconds, clockwork.rest)
        self._tally = _Tally(progress, pace)
        self._search = Search(rooms, whereabouts(rooms), self._tally, deep=wish.deep)
        self._run = AuditRun(rooms.clock(), wish.scope, wish.trigger, deep=wish.deep)
        self._checked: list[Checked] = []

    def run(self, chosen: Sequence[Install]) -> AuditReport:
        """Look at one file after the other, until all are done or the budget is."""
        users = _users(chosen, self._rooms.catalog.installs.all())
        queue = [each.sha256 for each in self._in_order(users)]
        self._run = replace(self._run, remaining=len(queue))
        records = self._rooms.catalog.audits
        self._run = replace(self._run, id=records.begin(self._run))
        ending = Ending.INTERRUPTED
        try:
            ending = self._look_at_all(queue, users)
        finally:
            self._run = replace(self._so_far(), ending=ending)
            records.finish(self._run, at=self._rooms.clock())
        return AuditReport(self._run, tuple(self._checked))

    def _look_at_all(
        self, queue: Sequence[str], users: Mapping[str, tuple[Install, ...]]
    ) -> Ending:
        for sha256 in queue:
            self._step_aside()
            allowed = self._wish.budget.allows(
                elapsed_s=self._elapsed_s(),
                read_bytes=self._tally.read_bytes,
                next_bytes=users[sha256][0].size_bytes,
            )
            if not allowed:
                return Ending.BUDGET
            checked = self._look_at(users[sha256])
            self._checked += [checked] if checked is not None else []
            findings = checked.findings if checked is not None else ()
            self._run = replace(
                self._so_far(),
                found=self._run.found + sum(finding.is_bad for finding in findings),
                remaining=self._run.remaining - 1,
            )
            self._rooms.catalog.audits.record(self._run, findings, at=self._rooms.clock())
        return Ending.COMPLETE

    def _look_at(self, installs: tuple[Install, ...]) -> Checked | None:
        """Look at one file; None if it was removed meanwhile."""
        sha256 = installs[0].sha256
        while True:
            findings = look_at(sha256, installs, self._search)
            if not any(finding.is_bad for finding in findings):
                return Checked(installs, findings)
            # Somebody may have removed or linked it while we looked: then it is looked at as it is.
            now = _users(installs, self._rooms.catalog.installs.all()).get(sha256)
            if now is None:
                return None
            if set(now) == set(installs):
                return Checked(installs, findings)
            installs = now

    def _in_order(self, users: Mapping[str, tuple[Install, ...]]) -> tuple[Candidate, ...]:
        now, records = self._rooms.clock(), self._rooms.catalog.audits
        checked_at = records.checked_at()
        bad = {finding.sha256 for finding in records.latest_findings()}
        verified_at = self._rooms.catalog.installs.verified_at()
        candidates = (
            Candidate(sha256, sha256 in bad, checked_at.get(sha256), verified_at.get(sha256))
            for sha256 in users
        )
        wish = self._wish
        return in_order(
            (
                each
                for each in candidates
                if (wish.due_after is None or each.is_due(now, wish.due_after))
                and (wish.subset is None or wish.subset.holds(each.sha256))
            ),
            now=now,
            round_began_at=records.round_began_at(),
        )

    def _step_aside(self) -> None:
        """Wait while somebody paints, as long as the time limit allows."""
        said = False
        while self._wish.yields_to_gpu and (busiest_percent() or 0) >= BUSY_PERCENT:
            limit = self._wish.budget.time_limit
            if limit is not None and self._elapsed_s() >= limit.total_seconds():
                return
            if not said:
                self._tally.say("a GPU is busy: waiting until it rests")
                said = True
            self._clockwork.rest(_LOOK_AGAIN_S)

    def _so_far(self) -> AuditRun:
        return replace(
            self._run,
            checked=len(self._checked),
            read_bytes=self._tally.read_bytes,
            seconds=self._elapsed_s(),
        )

    def _elapsed_s(self) -> float:
        return self._clockwork.seconds() - self._begun_s


class _Tally(Progress):
    """Passes everything on, counts the bytes that were really read, and keeps the pace."""

    def __init__(self, listener: Progress, pace: Pace | None) -> None:
        self._listener = listener
        self._pace = pace
        self.read_bytes = 0

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        self._listener.begin(what, total_bytes, done_bytes)

    def advance(self, bytes_count: int) -> None:
        self.read_bytes += bytes_count
        self._listener.advance(bytes_count)
        if self._pace is not None:
            self._pace.spend(bytes_count)

    def end(self) -> None:
        self._listener.end()

    def say(self, message: str) -> None:
        self._listener.say(message)


def _users(
    chosen: Iterable[Install], everybody: Iterable[Install]
) -> dict[str, tuple[Install, ...]]:
    """Who refers to each stored file that the chosen ones refer to; the chosen ones first."""
    numbers = {install.id for install in chosen}
    users: dict[str, list[Install]] = defaultdict(list)
    for install in sorted(everybody, key=lambda each: each.id not in numbers):
        if install.id in numbers or install.sha256 in users:
            users[install.sha256].append(install)
    return {sha256: tuple(installs) for sha256, installs in users.items()}


@contextlib.contextmanager
def alone(rooms: Rooms) -> Iterator[None]:
    """One audit at a time: two would only make each other slow, and count twice.

    Raises:
        AuditRunning: Another process is at it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(rooms.downloader.claim(_LOCK, Progress(), wait_s=0))
        except InUse as error:
            raise AuditRunning from error
        yield
