"""Read one stretch of a file where it lies, and nothing else of it: what an inspection needs."""

import threading
from dataclasses import dataclass

from registry.domain.progress import Progress
from registry.errors import RemoteChanged, UnexpectedAnswer
from registry.transfer.answers import place_of
from registry.transfer.asking import Nerves, ask
from registry.transfer.body import LineLost
from registry.transfer.client import Answer, Way
from registry.transfer.options import MIB, TransferOptions
from registry.transfer.resume import Changed, Continue, FromStart, Standing, Verdict

# A server that ignores ranges sends all that lies before; more than this is not waited for.
_MOST_SKIPPED_BYTES = 16 * MIB


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A stretch of a remote file.

    Attributes:
        content: Its bytes; fewer than asked for only where the file ends.
        size_bytes: Length of the whole file, None if the server does not tell.
    """

    content: bytes
    size_bytes: int | None


def peek(
    way: Way, begin: int, end: int, *, size_bytes: int | None, options: TransferOptions
) -> Glimpse:
    """The bytes from `begin` up to `end`.

    Args:
        way: Where the file is.
        begin: The first byte.
        end: The byte behind the last.
        size_bytes: The file's length, if an earlier answer told it.
        options: How to behave.

    Raises:
        RemoteChanged: The file has another length now.
        UnexpectedAnswer: The server sends no such stretch.
        HubError, TransferError: It does not give the file at all.
    """
    nerves = Nerves(way, options, Progress())
    pause = threading.Event()
    while True:
        try:
            return _attempt(way, begin, end, size_bytes)
        except LineLost as lost:
            pause.wait(nerves.wait_after(lost, at_byte=begin))


def _attempt(way: Way, begin: int, end: int, size_bytes: int | None) -> Glimpse:
    standing = Standing(at_byte=begin, size_bytes=size_bytes, provable=True)
    answer, verdict = ask(way, standing, end)
    try:
        total = answer.head.total_bytes
        if total is not None and total <= begin and size_bytes in (None, total):
            return Glimpse(b"", total)
        skipped = _skipped(way, answer, verdict, begin)
        way.settle(answer)
        wanted = min(end, total if total is not None else end)
        return Glimpse(_read(answer, skipped, wanted - begin, whole=total is not None), total)
    finally:
        way.let_go(answer)


def _skipped(way: Way, answer: Answer, verdict: Verdict, begin: int) -> int:
    """How many bytes of the body lie before the stretch."""
    match verdict:
        case Continue():
            return 0
        case FromStart() if begin <= _MOST_SKIPPED_BYTES:
            return begin
        case _:
            because = getattr(verdict, "because", "it sends nothing")
            if isinstance(verdict, Changed):
                raise RemoteChanged(way.name, because)
            raise UnexpectedAnswer(place_of(way.download, answer.url.host), because)


def _read(answer: Answer, skipped: int, count: int, *, whole: bool) -> bytes:
    """So many bytes behind those that are skipped; a body that must be whole may not end early."""
    held = bytearray()
    while len(held) < skipped + count:
        chunk = answer.body.read(skipped + count - len(held))
        if not chunk:
            if whole:
                raise LineLost("the body ended too early")
            break
        held += chunk
    return bytes(held[skipped:])
