"""Which shape the database has, and how it comes to the one that this program knows.

A current catalog is recognised by one SELECT, without Alembic. An older one is copied into the
backups first, then brought up in one transaction while no other process writes. A newer one is
refused: it is never touched.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog.database import Database
from registry.catalog.instants import stamp
from registry.catalog.shipped import shipped
from registry.errors import CatalogDamaged, SchemaTooNew, StoreUnwritable

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

HEAD = "0005"  # the newest revision in migrations/versions; a test compares it with Alembic's


def revision(database: Database) -> str | None:
    """The revision of the file; None if there is no file, or an empty one.

    Raises:
        CatalogDamaged: The file is a database, but not a catalog of sdreg; or no database at all.
    """
    if not database.path.exists() or database.path.stat().st_size == 0:
        return None
    tables = {str(name) for (name,) in database.rows("SELECT name FROM sqlite_master")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise CatalogDamaged(str(database.path), "it is a database, but not a catalog of sdreg")
    found = database.rows("SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else None


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a catalog that nobody has opened yet.

    Attributes:
        found: Its revision; None if there is none yet.
        known: The one that this program writes.
    """

    found: str | None
    known: str = HEAD

    @property
    def is_older(self) -> bool:
        """Whether opening it would change it."""
        return self.found not in {None, self.known}


def look_at_schema(path: Path) -> Shape:
    """Look at the shape of a catalog file without bringing it up.

    Raises:
        CatalogDamaged: It is no catalog, or broken.
        SchemaTooNew: A newer sdreg wrote it.
    """
    database = Database(path)
    try:
        shape = Shape(revision(database))
    finally:
        database.close()
    if shape.is_older and shape.found not in _known_revisions(alembic_config()):
        raise SchemaTooNew(str(path), shape.found or "", HEAD)
    return shape


def upgrade(database: Database, *, backups: Path, clock: Callable[[], datetime]) -> Path | None:
    """Bring the file to `HEAD`. The caller holds `database.exclusive()`.

    Returns:
        The copy that was made of an existing file, None if there was nothing to copy or to do.

    Raises:
        SchemaTooNew: A newer sdreg wrote the file.
        StoreUnwritable: The copy or the upgrade cannot be written.
    """
    found = revision(database)
    if found == HEAD:
        return None
    config = alembic_config()
    if found is not None and found not in _known_revisions(config):
        raise SchemaTooNew(str(database.path), found, HEAD)
    copy = None if found is None else back_up(database, backups, label=found, at=clock())
    database.close()
    run(database, "upgrade", "head")
    logger.info("catalog brought from schema %s to %s", found, HEAD)
    return copy


def back_up(database: Database, backups: Path, *, label: str, at: datetime) -> Path:
    """Copy the whole database, as of now, into a new file of the folder `backups`.

    Raises:
        StoreUnwritable: The copy cannot be written. Nothing is left of it.
    """
    target = backups / f"{database.path.stem}-{label}-{stamp(at)}.db"
    part = target.with_suffix(".part")
    try:
        backups.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.closing(sqlite3.connect(database.path)) as old,
            contextlib.closing(sqlite3.connect(part)) as new,
        ):
            old.backup(new)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreUnwritable(str(target), f"no backup could be made: {error}") from error
    return target


def run(database: Database, direction: str, target: str) -> None:
    """Run migrations in one transaction; the caller holds the lock."""
    from alembic import command  # noqa: PLC0415 - Alembic is loaded only to change a schema

    from registry.catalog.engine import migrating  # noqa: PLC0415 - as above

    with migrating(database) as connection:
        config = alembic_config(connection)
        if direction == "upgrade":
            command.upgrade(config, target)
        else:
            command.downgrade(config, target)


def alembic_config(connection: "Connection | None" = None) -> "Config":
    """Alembic, configured in code: where the migrations lie and what they run on."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    # ConfigParser reads %; a folder may have one in its name.
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _known_revisions(config: "Config") -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


@contextlib.contextmanager
def prepared(database: Database) -> Iterator[None]:
    """Make the folder of the database and hold its lock."""
    try:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(str(database.path.parent), error.strerror or str(error)) from error
    with database.exclusive():
        yield
