"""Fetch some stretches of a file into an existing copy: what a repair needs."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from registry.domain.progress import Progress
from registry.errors import NotTheFile, SizeMismatch, StoreUnwritable
from registry.transfer.asking import Nerves, ask
from registry.transfer.body import LineLost
from registry.transfer.client import Answer, Way
from registry.transfer.options import TransferOptions
from registry.transfer.pace import Pace
from registry.transfer.partial import disk_errors, write_all
from registry.transfer.resume import Continue, FromStart, Standing


class RangeWriter:
    """Writes a source's bytes over those of a copy.

    Args:
        way: Where the right bytes can be had.
        options: How to behave.
        progress: Hears about every byte.
        pace: The limit shared with other files.
    """

    def __init__(self, way: Way, options: TransferOptions, progress: Progress, pace: Pace) -> None:
        self._way = way
        self._options = options
        self._progress = progress
        self._pace = pace
        self._pause = threading.Event()
        self._fetched_bytes = 0

    def write(self, ranges: Sequence[tuple[int, int]], into: Path, *, size_bytes: int) -> int:
        """Write the bytes of `ranges`, each (begin, end), into `into`.

        Returns:
            How many bytes came over the network.

        Raises:
            SizeMismatch: The server's file, or the copy, has another length.
        """
        for begin, end in ranges:
            if not 0 <= begin < end <= size_bytes:
                raise ValueError(f"({begin}, {end}) is no stretch of {size_bytes} bytes")
        with disk_errors(into):
            file = os.open(into, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        total = sum(end - begin for begin, end in ranges)
        self._progress.begin(self._way.download.file_name, total)
        try:
            if os.fstat(file).st_size != size_bytes:
                raise StoreUnwritable(str(into), "it does not have the length of the file")
            for begin, end in ranges:
                self._write_one(file, into, begin, end, size_bytes)
            if self._options.durable:
                with disk_errors(into):
                    os.fsync(file)
        finally:
            os.close(file)
            self._progress.end()
        return self._fetched_bytes

    def _write_one(self, file: int, into: Path, begin: int, end: int, size_bytes: int) -> None:
        nerves = Nerves(self._way, self._options, self._progress)
        while begin < end:
            before = begin
            answer: Answer | None = None
            try:
                answer, offset = self._ask(begin, end, size_bytes)
                while begin < end:
                    chunk = self._read(answer, end - offset)
                    wanted = chunk[max(begin - offset, 0) :]
                    with disk_errors(into, needed_bytes=len(wanted)):
                        write_all(file, begin, wanted)
                    begin += len(wanted)
                    offset += len(chunk)
                    self._progress.advance(len(wanted))
            except LineLost as lost:
                if begin > before and not lost.stalled:
                    nerves.calm()
                self._pause.wait(nerves.wait_after(lost, at_byte=begin))
            finally:
                if answer is not None:
                    self._way.let_go(answer)

    def _ask(self, begin: int, end: int, size_bytes: int) -> tuple[Answer, int]:
        """An answer, and the offset in the file at which its body begins."""
        standing = Standing(at_byte=begin, provable=True)
        answer, verdict = ask(self._way, standing, end, fresh=self._options.fresh)
        if answer.head.total_bytes not in (None, size_bytes):
            self._way.let_go(answer)
            name = self._way.download.file_name
            raise SizeMismatch(name, size_bytes, answer.head.total_bytes or 0, self._way.name)
        match verdict:
            case Continue():
                self._way.settle(answer)
                return answer, begin
            case FromStart() if answer.head.total_bytes is not None:
                return answer, 0
            case _:
                self._way.let_go(answer)
                because = getattr(verdict, "because", "a stream of unknown length")
                raise NotTheFile(self._way.name, f"something else ({because})")

    def _read(self, answer: Answer, at_most: int) -> memoryview:
        chunk = answer.body.read(min(at_most, self._pace.gulp_bytes))
        if not chunk:
            raise LineLost("the body ended too early")
        self._fetched_bytes += len(chunk)
        self._pace.spend(len(chunk), self._pause.wait)
        return chunk
