"""Open the catalog: make it, bring it up, fill it, or simply find it as it should be.

The last is the usual case and costs two small queries; everything else happens under the lock that
all writers share, so that two programs that start in a fresh home at once both succeed.
"""

import logging
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from registry.catalog import meta, schema
from registry.catalog.audit_records import AuditRecords
from registry.catalog.database import WAIT_S, Database
from registry.catalog.dispute_records import DisputeRecords
from registry.catalog.install_records import InstallRecords
from registry.catalog.instants import stamp
from registry.catalog.model_records import ModelRecords
from registry.catalog.revision import peek_revision
from registry.catalog.schedule_records import ScheduleRecords
from registry.catalog.shipped import shipped
from registry.catalog.smoke_records import SmokeRecords
from registry.errors import CatalogDamaged, StoreUnwritable

logger = logging.getLogger(__name__)

_QUICK_BYTES = 256 * 1024 * 1024


class Catalog:
    """The open catalog.

    Attributes:
        models: What is published.
        installs: What is on this disk.
        audits: What checks found.
        disputes: What came instead of what was promised.
        smokes: Which models made a picture.
        schedules: When audits are to be run.
        path: The database file.
        database: For the other modules of this room.
        clock: Tells the time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self.path = database.path
        self.models = ModelRecords(database, clock)
        self.installs = InstallRecords(database, clock)
        self.audits = AuditRecords(database)
        self.disputes = DisputeRecords(database, clock)
        self.smokes = SmokeRecords(database)
        self.schedules = ScheduleRecords(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def export(self) -> dict[str, Any]:
        """The whole catalog in the form of a catalog file; see `seed.export`."""
        from registry.catalog import seed as seeds  # noqa: PLC0415 - needs pydantic

        return seeds.export(self.database)

    def check(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file and its references; nothing if all is well.

        A file of ordinary size is compared with its indexes, too; that takes too long for others.
        """
        try:
            quick = self.path.stat().st_size > _QUICK_BYTES
            pragma = "PRAGMA quick_check" if quick else "PRAGMA integrity_check"
            told = [row[0] for row in self.database.rows(pragma)]
            torn = self.database.rows("PRAGMA foreign_key_check")
        except CatalogDamaged as error:
            return (error.because,)
        except FileNotFoundError:
            return ("it is gone",)
        lost = [f"row {row[1]} of {row[0]} refers to a lost row of {row[2]}" for row in torn]
        return tuple(text for text in [*told, *lost] if text != "ok")


def open_catalog(
    path: Path,
    *,
    backups: Path,
    clock: Callable[[], datetime],
    seed: Path | Literal["shipped"] | None = "shipped",
    wait_s: float = WAIT_S,
    durable: bool = True,
) -> Catalog:
    """Open the catalog at `path`, in the shape and with the facts that this program knows.

    A new one fills itself from the seed. A higher revision of the seed is taken in later, a lower
    one never; what users added stays.

    Args:
        path: The database file; it and its folder are made if they are not there.
        backups: Folder for the copy that is made before an existing file is changed in shape.
        clock: Tells the time, aware.
        seed: A catalog file, the one that came with this program, or None for no seed at all.
        wait_s: How long writes wait for those of another process.
        durable: Wait for the disk at the end of every write.

    Raises:
        CatalogBusy: Another process changes its shape for longer than `wait_s`.
        CatalogDamaged: The file is not a catalog, or broken.
        SchemaTooNew: A newer sdreg wrote it.
        StoreUnwritable: The file or its folder cannot be written.
        CatalogInvalid: The seed breaks its own schema.
    """
    database = Database(path, wait_s=wait_s, durable=durable)
    facts = shipped("catalog.seed.json") if seed == "shipped" else seed
    try:
        if schema.revision(database) != schema.HEAD or _is_newer(facts, database):
            _prepare(database, facts, backups=backups, clock=clock)
    except BaseException:
        database.close()
        raise
    return Catalog(database, clock)


def _is_newer(seed: Path | None, database: Database) -> bool:
    """Whether the catalog has yet to take in this revision of the seed."""
    if seed is None:
        return False
    offered = peek_revision(seed)
    taken = meta.kept(database, "seed_revision")
    return taken is None or offered is None or offered > int(taken)


def _prepare(
    database: Database, seed: Path | None, *, backups: Path, clock: Callable[[], datetime]
) -> None:
    from registry.catalog import seed as seeds  # noqa: PLC0415 - only to take something in

    with schema.prepared(database):
        schema.upgrade(database, backups=backups, clock=clock)
        if seed is not None and _is_newer(seed, database):
            document = seeds.load_seed(seed)
            seeds.take_in(database, document, origin="seed", at=clock(), locked=True)


def set_aside(path: Path, *, backups: Path, clock: Callable[[], datetime]) -> Path:
    """Move a damaged catalog out of the way, so that `open_catalog` makes a new one.

    Nothing is deleted: the file and its journal lie in the backups afterwards. They have both
    names before the first one goes, so whoever is killed in between loses no page.

    Returns:
        Where the file lies now.

    Raises:
        StoreUnwritable: It cannot be moved.
    """
    target = backups / f"{path.stem}-damaged-{stamp(clock())}.db"
    # The file goes first: SQLite throws away the journal of one that is not there, but would take
    # a file without its journal for a sound, older one.
    there = [suffix for suffix in ("", "-wal", "-shm") if _beside(path, suffix).exists()]
    try:
        backups.mkdir(parents=True, exist_ok=True)
        for suffix in there:
            _name_twice(_beside(path, suffix), _beside(target, suffix))
        for suffix in there:
            _beside(path, suffix).unlink()
    except OSError as error:
        raise StoreUnwritable(str(path), error.strerror or str(error)) from error
    return target


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _name_twice(path: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copy2(path, copy)
