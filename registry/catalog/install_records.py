"""What is installed: intents before, records after, links, and the blobs they refer to.

A record refers only to a blob that exists. The order of an install is: `intend`, then the bytes,
the blob and the links on disk, then `complete`. What `pending` still lists at the next start was
interrupted in between.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from registry.catalog import install_writing
from registry.catalog.database import Database
from registry.catalog.instants import from_text
from registry.catalog.naming import name_key
from registry.catalog.reading import Row
from registry.domain.hashes import Hashes
from registry.domain.install import Blob, Install, Link, LinkMethod, Placement


class Intent(NamedTuple):
    """An install that was begun and not completed.

    Attributes:
        id: Its number, to complete or abandon it by.
        install: What was to be installed; its `sha256` is empty where nothing was known before.
        placements: Where its links were to be.
    """

    id: int
    install: Install
    placements: tuple[Placement, ...]


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob and its history.

    Attributes:
        blob: The bytes.
        source: Where they came from, as `str(Source)`.
        adopted_at: When they were stored.
        verified_at: When they were last read and found right.
    """

    blob: Blob
    source: str | None
    adopted_at: datetime
    verified_at: datetime | None


class InstallRecords:
    """Installs in and out of the database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def all(self) -> tuple[Install, ...]:
        """Every completed install, oldest first."""
        return self._load("state = 'complete'", ())

    def of_model(self, slug: str) -> tuple[Install, ...]:
        """Completed installs of the model with this slug, oldest first."""
        # The + keeps SQLite from looking at everything that is complete first.
        return self._load("+state = 'complete' AND slug = ?", (slug,))

    def find(self, text: str) -> tuple[Install, ...]:
        """Completed installs that `text` names: slug, reference, file name, begin of hash."""
        plain = text.strip()
        digits = plain.casefold().rpartition(":")[2]
        found = self._load(
            "state = 'complete' AND (slug IN (?, ?) OR reference = ? OR file_name = ?)",
            (plain, name_key(plain), plain, plain),
        )
        if found or len(digits) < _MIN_DIGITS or set(digits) - set("0123456789abcdef"):
            return found
        return self._load(
            "state = 'complete' AND sha256 >= ? AND sha256 < ?", (digits, digits + "g")
        )

    def pending(self) -> tuple[Intent, ...]:
        """Installs that were begun and not completed, oldest first."""
        intents = self._load("state = 'intended'", ())
        wished: dict[int, list[Placement]] = defaultdict(list)
        for number, layout, path in self._database.rows(
            "SELECT install_id, layout, path FROM placements ORDER BY install_id, position"
        ):
            wished[number].append(Placement(layout, Path(path)))
        return tuple(
            Intent(install.id, install, tuple(wished[install.id]))
            for install in intents
            if install.id is not None
        )

    def installed_slugs(self) -> frozenset[str]:
        """Slugs of the models of which something is installed."""
        rows = self._database.rows(
            "SELECT DISTINCT slug FROM installs WHERE state = 'complete' AND slug IS NOT NULL"
        )
        return frozenset(row[0] for row in rows)

    def owner_of(self, path: Path) -> Install | None:
        """The install that made the link at `path`."""
        found = self._load("id IN (SELECT install_id FROM links WHERE path = ?)", (str(path),))
        return next(iter(found), None)

    def blobs(self) -> tuple[StoredBlob, ...]:
        """Every blob that the catalog knows of, in the order they were stored."""
        rows = self._database.rows(_BLOBS)
        return tuple(_stored(row) for row in rows)

    def verified_at(self) -> Mapping[str, datetime | None]:
        """When each stored file was last read and found right; None if never."""
        return {stored.blob.sha256: stored.verified_at for stored in self.blobs()}

    def _load(self, where: str, parameters: Sequence[object]) -> tuple[Install, ...]:
        rows = self._database.rows(_INSTALLS.format(where=where), parameters)
        grouped = itertools.groupby(rows, key=itemgetter(0))
        return tuple(_install(list(links)) for _, links in grouped)

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    def intend(self, install: Install, placements: Iterable[Placement] = ()) -> int:
        """Note what is about to be done; the number to complete or abandon it by."""
        return install_writing.intend(self._database, install, tuple(placements), at=self._clock())

    def complete(
        self,
        intent_id: int,
        links: Iterable[Link],
        blob: Blob,
        *,
        at: datetime | None = None,
        learned: Hashes | None = None,
    ) -> Install:
        """Turn an intent into a record, in one transaction with its blob and links.

        The same bytes under the same model and name are one install: its links are united.

        Args:
            intent_id: The number that `intend` gave.
            links: What was placed.
            blob: What was stored.
            at: When; now, if left out.
            learned: What was measured on the whole bytes of the intent's file, for the catalog to
                keep as `ModelRecords.learn_hashes` does.

        Raises:
            LookupError: There is no such intent (any more).
            ValueError: What was measured contradicts a known SHA-256 or BLAKE3. Nothing is written.
        """
        number = install_writing.complete(
            self._database,
            intent_id,
            tuple(links),
            blob,
            at=at or self._clock(),
            learned=learned,
        )
        return self._load("id = ?", (number,))[0]

    def abandon(self, intent_id: int) -> None:
        """Forget an intent; a completed install stays."""
        install_writing.abandon(self._database, intent_id)

    def remove(self, install_id: int) -> None:
        """Forget an install and its links. The blob is known on until `forget_blob`."""
        install_writing.remove(self._database, install_id)

    def add_links(self, install_id: int, links: Iterable[Link]) -> None:
        """Note links; a link noted before at the same path gives way."""
        install_writing.add_links(self._database, install_id, tuple(links))

    def remove_link(self, path: Path) -> None:
        """Forget the link at `path`."""
        install_writing.remove_link(self._database, path)

    def verified(self, sha256: str, at: datetime) -> None:
        """Note that a blob was read and found right."""
        install_writing.verified(self._database, sha256, at)

    def forget_blob(self, sha256: str) -> bool:
        """Forget a blob that no install refers to; False if one does."""
        return install_writing.forget_blob(self._database, sha256)


_MIN_DIGITS = 8
_INSTALLS = """
    SELECT installs.id, reference, slug, model_type, file_name, file_id, installs.sha256,
        size_bytes, source, proven, installed_at, derived_from,
        layout, path, links.sha256, method
    FROM (SELECT * FROM installs WHERE {where}) AS installs
    LEFT JOIN links ON install_id = installs.id
    ORDER BY installs.id, links.id"""
_BLOBS = """
    SELECT sha256, path, size_bytes, blake3, source, adopted_at, verified_at FROM blobs
    ORDER BY id"""


def _install(rows: Sequence[Row]) -> Install:
    """An install, from one row for each of its links; a row without one if there are none."""
    row = rows[0]
    return Install(
        id=row[0],
        reference=row[1],
        slug=row[2],
        model_type=row[3],
        file_name=row[4],
        file_id=row[5],
        sha256=row[6],
        size_bytes=row[7],
        source=row[8],
        proven=bool(row[9]),
        installed_at=datetime.fromisoformat(row[10]),
        links=tuple(
            Link(layout, Path(path), digits, LinkMethod(method))
            for *_, layout, path, digits, method in rows
            if path is not None
        ),
        derived_from=row[11],
    )


def _stored(row: Row) -> StoredBlob:
    return StoredBlob(
        Blob(row[0], Path(row[1]), row[2], row[3]),
        row[4],
        datetime.fromisoformat(row[5]),
        from_text(row[6]),
    )
