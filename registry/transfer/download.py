"""One file: from an address to bytes that are whole and hashed."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from registry.domain.install import FetchedFile
from registry.domain.progress import Progress
from registry.domain.source import Download
from registry.transfer.brake import Brake
from registry.transfer.claims import Claims
from registry.transfer.client import Way
from registry.transfer.door import Door
from registry.transfer.job import Job, Order
from registry.transfer.options import Expectation, TransferOptions
from registry.transfer.pace import Pace
from registry.transfer.partial import Part, disk_errors, read_journal
from registry.transfer.peek import Glimpse, peek
from registry.transfer.ranges import RangeWriter

__all__ = ["REPAIR", "Downloader", "Expectation", "Glimpse", "TransferOptions", "Unfinished"]

REPAIR = ".repair"
"""What a stored file is called, behind its key, while it is made again."""

_KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A download that can go on.

    Attributes:
        key: What `fetch` and `discard` call it.
        source: Where its bytes came from.
        done_bytes: How many of `size_bytes` are there.
    """

    key: str
    source: str
    file_name: str
    size_bytes: int
    done_bytes: int
    path: Path


class Downloader:
    """Fetches files into one folder. Threads may share it.

    Args:
        options: How to behave; the default of every fetch.
        folder: Where parts and journals lie; on the file system of the store.
    """

    def __init__(self, options: TransferOptions, folder: Path) -> None:
        self.options = options
        self._folder = folder
        self._door = Door(options)
        self._claims = Claims(folder, wait_s=options.lock_wait_s)
        self._brake = Brake()
        self._pace = Pace(options.rate_limit_bytes_per_s)

    def fetch(
        self,
        download: Download,
        expected: Expectation,
        *,
        key: str,
        relocate: Callable[[], Download] | None,
        progress: Progress,
        options: TransferOptions | None = None,
    ) -> FetchedFile:
        """Fetch a whole file, going on where an earlier run ended.

        The caller proves it: the hashes that were measured are in the result. Whatever goes
        wrong, part and journal stay where a later run could go on with them.

        Args:
            download: Where it can be had now.
            expected: What is known about it beforehand.
            key: Name of the part: the SHA-256 where known, so that any source can go on.
            relocate: Finds a fresh address when the one in `download` has expired.
            progress: Hears what happens, from several threads.
            options: How to behave this time, where it is not as always.

        Raises:
            HubError: The hub does not give it (login, access, gone, slow down).
            TransferError: It did not arrive, or something else did.
            StoreError: The disk refused.
        """
        can_prove = expected.hashes.can_prove
        options = options or self.options
        way = Way(self._door, download, relocate=relocate, can_prove=can_prove, options=options)
        with (
            self.claim(key, progress) as name,
            closing(Part(self._folder, name, durable=options.durable)) as part,
        ):
            try:
                return Job(
                    Order(way, part, expected, options, progress, self._pace, self._brake)
                ).run()
            except BaseException:
                part.discard_if_useless()
                raise

    def fetch_ranges(
        self,
        download: Download,
        ranges: Sequence[tuple[int, int]],
        into: Path,
        *,
        size_bytes: int,
        progress: Progress,
        options: TransferOptions | None = None,
    ) -> int:
        """Write these bytes of the source's file over those in `into`, and nothing else.

        Args:
            download: Where the right bytes can be had.
            ranges: (begin, end) of each stretch.
            into: An existing copy of the file.
            size_bytes: Length that the file has, here and there.
            progress: Hears about every byte.
            options: How to behave this time, where it is not as always.

        Returns:
            How many bytes came over the network.

        Raises:
            SizeMismatch: The server's file has another length; nothing was written.
        """
        options = options or self.options
        way = Way(self._door, download, relocate=None, can_prove=True, options=options)
        writer = RangeWriter(way, options, progress, self._pace)
        return writer.write(ranges, into, size_bytes=size_bytes)

    def held_pieces(self, key: str) -> Mapping[int, str]:
        """Digests of the pieces that the part of this key holds, as its journal says.

        What wrote the part is not asked whether they are right; a whole file may have none.
        """
        journal = read_journal(self._folder / f"{_checked(key)}.journal")
        return journal.pieces if journal is not None else {}

    def read_range(
        self, download: Download, begin: int, end: int, *, size_bytes: int | None = None
    ) -> Glimpse:
        """Read one stretch of a file where it lies; nothing is kept.

        Args:
            download: Where it can be had now.
            begin: The first byte.
            end: The byte behind the last.
            size_bytes: The file's length, if an earlier stretch told it.

        Raises:
            RemoteChanged: It has another length now.
            HubError: The hub does not give it.
            TransferError: It did not arrive.
        """
        way = Way(self._door, download, relocate=None, can_prove=False)
        return peek(way, begin, end, size_bytes=size_bytes, options=self.options)

    @contextlib.contextmanager
    def claim(self, key: str, progress: Progress, *, wait_s: float | None = None) -> Iterator[str]:
        """Keep other processes and threads away from this key, and wait while they hold it.

        `fetch` does this itself. Who wants to look for a finished file first, and to take the
        part away before somebody else resumes it, holds the claim around all three.

        Args:
            key: What `fetch` is given.
            progress: Hears that we wait.
            wait_s: How long at most; None is what the options say.

        Yields:
            The name of the part: the key, but where locks do not lock.

        Raises:
            InUse: Somebody held it for too long.
        """
        with self._claims.hold(_checked(key), progress, wait_s=wait_s) as name:
            yield name

    @property
    def can_lock(self) -> bool:
        """Whether a claim keeps other processes out; some network file systems have no locks."""
        return self._claims.can_lock

    def tidy(self) -> None:
        """Remove what a killed run left beside parts that are gone."""
        self._claims.tidy()

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Every download that can go on, by key."""
        found = []
        for path in sorted(self._folder.glob("*.journal")):
            part = path.with_suffix(".part")
            journal = read_journal(path)
            if journal is not None and part.is_file():
                found.append(
                    Unfinished(
                        key=path.stem,
                        source=journal.source,
                        file_name=journal.file_name,
                        size_bytes=journal.size_bytes,
                        done_bytes=journal.done_bytes,
                        path=part,
                    )
                )
        return tuple(found)

    def lost_parts(self) -> tuple[Path, ...]:
        """Parts without a journal, with which nobody can go on, and those of repairs."""
        known = {f"{part.key}.part" for part in self.unfinished()}
        return tuple(
            path
            for suffix in (".part", REPAIR)
            for path in sorted(self._folder.glob(f"*{suffix}"))
            if path.name not in known and _KEY.fullmatch(path.stem) and path.is_file()
        )

    def discard(self, key: str) -> None:
        """Forget what was fetched under this key.

        Raises:
            InUse: Another process is fetching it.
        """
        with self.claim(key, Progress()):
            Part(self._folder, key, durable=False).discard()
            repair = self._folder / f"{key}{REPAIR}"
            with disk_errors(repair):
                repair.unlink(missing_ok=True)

    def break_off(self) -> None:
        """End everything that is under way; what has arrived stays for a later run."""
        self._brake.pull()

    def close(self) -> None:
        """Close the connections that are kept for later."""
        self._door.close()


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} cannot name a part")
    return key
