"""Ask for bytes, and bear what comes instead: errors, expired addresses, requests to slow down."""

import random
import time
from datetime import UTC, datetime

from registry.domain.progress import Progress
from registry.domain.strangers_text import one_line
from registry.errors import (
    ConnectionLost,
    DownloadTimeout,
    RateLimited,
    SdregError,
    UnexpectedAnswer,
)
from registry.transfer import answers
from registry.transfer.body import LineLost
from registry.transfer.client import Answer, Way, can_decode, range_headers
from registry.transfer.options import TransferOptions
from registry.transfer.resume import Faulty, Refused, Standing, Verdict, decide
from registry.transfer.retry import (
    Patience,
    answered_at,
    told_wait,
    wait_after_loss,
    wait_as_told,
)


class SlowDown(LineLost):
    """The server asks us to come back later.

    Attributes:
        host: Who asks.
        told_s: For how long, if it says.
    """

    def __init__(self, status: int, host: str, told_s: float | None) -> None:
        super().__init__(f"it answered with status {status}")
        self.host = host
        self.told_s = told_s


def ask(
    way: Way, standing: Standing, end: int | None, *, plain: bool = False, fresh: bool = False
) -> tuple[Answer, Verdict]:
    """Ask for the bytes from `standing.at_byte` up to `end`.

    Args:
        way: Where to ask.
        standing: What we have; what the answer is held against.
        end: The byte behind the last, None for all.
        plain: Ask for the whole file without naming a range.
        fresh: Ask every cache on the way for the bytes as they are at the publisher.

    Raises:
        LineLost: No answer, or one that may be better later (`SlowDown` for 429 and 503).
        HubError, TransferError: The server says no.
    """
    headers = {} if plain else range_headers(standing.at_byte, end, standing.validator)
    if fresh:
        headers["Cache-Control"] = "no-cache"
    while True:
        answer = way.ask(headers)
        verdict = decide(standing, answer.head)
        if not isinstance(verdict, Refused):
            return answer, _decodable(way, answer, verdict)
        error = _refused(way, answer, verdict.status, began=standing.size_bytes is not None)
        if error is not None:
            raise error


def _decodable(way: Way, answer: Answer, verdict: Verdict) -> Verdict:
    if isinstance(verdict, Faulty) or can_decode(answer.head):
        return verdict
    way.let_go(answer)
    hub = answers.place_of(way.download, answer.url.host)
    raise UnexpectedAnswer(hub, f"it encodes the file as {one_line(answer.head.encoding)}")


def _refused(way: Way, answer: Answer, status: int, *, began: bool) -> SdregError | LineLost | None:
    """What an error status comes down to; None if a fresh address was found."""
    try:
        body = answer.body.peek(answers.READ_BYTES)
    except LineLost:
        body = b""
    finally:
        way.let_go(answer)
    retry_after = answer.headers.get("retry-after")
    if status == answers.TOO_MANY or (answers.is_passing(status) and retry_after):
        now = answered_at(answer.headers.get("date")) or datetime.fromtimestamp(time.time(), UTC)
        return SlowDown(status, answer.url.host, told_wait(retry_after, now=now))
    if answers.is_passing(status) or (status == answers.NOT_FOUND and way.excuse_missing()):
        return LineLost(f"it answered with status {status}")
    may_renew = began or not answer.is_first_address
    if answers.is_expired(status) and may_renew and way.renew(answer):
        return None
    return answers.refusal(
        status, answer.headers, body, download=way.download, host=answer.url.host
    )


class Nerves:
    """Counts what one connection bears, and says how long to wait: progress calms them.

    Args:
        way: Names the source in errors.
        options: How much is too much.
        progress: Hears about long waits.
    """

    def __init__(self, way: Way, options: TransferOptions, progress: Progress) -> None:
        self._way = way
        self._progress = progress
        self._stall_s = options.stall_timeout_s
        self._losses = 0
        self._slowed = 0
        self._patience = Patience(
            attempts=options.attempts_without_progress,
            first_wait_s=options.first_wait_s,
            longest_wait_s=options.longest_wait_s,
        )

    def calm(self) -> None:
        """Bytes came: everything before is forgotten."""
        self._losses = self._slowed = 0

    def wait_after(self, lost: LineLost, *, at_byte: int) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            RateLimited, ConnectionLost, DownloadTimeout: It is enough.
        """
        jitter = random.random()  # noqa: S311 -- spreads clients in time; nothing is secret
        if isinstance(lost, SlowDown):
            return self._wait_as_told(lost, jitter)
        self._losses += 1
        wait_s = wait_after_loss(self._patience, self._losses, jitter=jitter)
        if wait_s is not None:
            return wait_s
        if lost.stalled:
            raise DownloadTimeout(self._way.name, at_byte, self._stall_s) from lost
        raise ConnectionLost(self._way.name, at_byte, lost.because) from lost

    def _wait_as_told(self, lost: SlowDown, jitter: float) -> float:
        self._slowed += 1
        hub = answers.place_of(self._way.download, lost.host)
        wait_s = wait_as_told(lost.told_s, self._patience, self._slowed, jitter=jitter)
        if wait_s is None:
            raise RateLimited(hub, lost.told_s) from lost
        self._way.hold_host(lost.host, wait_s)
        self._progress.say(f"{hub} asks to slow down; waiting {wait_s:.0f} s")
        return wait_s
