"""The database file: reading it, writing it, and saying in our words what SQLite says in its own.

Two doors, on purpose. **Reads use the standard library's sqlite3** and plain SQL: importing
SQLAlchemy alone takes about twice as long as importing typer and rich.table, and `sdreg list` as
a whole process must not take more than twice the latter. **Writes use SQLAlchemy Core** inside
`transaction()`; what it needs is imported there and nowhere on the way of a read. A test holds
`list` and `search` to that.

SQLite runs in WAL mode with synchronous=FULL: what a transaction wrote survives a power cut, and
readers never wait for the writer. (Where the user wants nothing durable it is NORMAL, and a power
cut may undo the last ones.) One process writes at a time: a lock file beside the database queues
the writers in front of SQLite, whose own waiting is a race without an order. It also keeps
checkpoints apart: SQLite before 3.51.3 can lose pages when one connection checkpoints while another
begins to write, and here only the holder of the lock does either.
"""

import contextlib
import errno
import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog.reading import Row
from registry.errors import CatalogBusy, CatalogDamaged, SdregError, StoreUnwritable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

logger = logging.getLogger(__name__)

WAIT_S = 30.0


class Database:
    """One SQLite file.

    Attributes:
        path: The file.
        wait_s: How long a write waits for another one.
    """

    def __init__(self, path: Path, *, wait_s: float = WAIT_S, durable: bool = True) -> None:
        self.path = path
        self.wait_s = wait_s
        self._durable = durable
        self._local = threading.local()
        self._ends: list[Callable[[], None]] = []
        # Whoever forgets to close a catalog, or is interrupted, leaves no journal to the next one.
        weakref.finalize(self, _end, self._ends)
        self._engine: Engine | None = None
        self._queue = threading.Lock()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[Row]:
        """All rows of a SELECT.

        Raises:
            CatalogBusy: Another process holds the file exclusively.
            CatalogDamaged: It is not a database, or not one of ours.
            StoreUnwritable: It cannot be opened.
        """
        try:
            try:
                return self._reader().execute(sql, tuple(parameters)).fetchall()
            except sqlite3.OperationalError:
                if self._local_is_frozen() or os.access(self.path.parent, os.W_OK):
                    raise
                return self._frozen().execute(sql, tuple(parameters)).fetchall()
        except sqlite3.Error as error:
            raise self.translated(error) from error

    def _local_is_frozen(self) -> bool:
        return bool(getattr(self._local, "frozen", False))

    def _frozen(self) -> sqlite3.Connection:
        """A connection for a disk that takes no writes: not even those that WAL needs to read.

        What a crashed program left in the journal is not seen; nobody can change the file.
        """
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro&immutable=1",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        self._local.reader = connection
        self._local.frozen = True
        self._ends.append(connection.close)
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if connection is None:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,  # closed by whoever closes the catalog
            )
            connection.execute(f"PRAGMA busy_timeout = {int(self.wait_s * 1000)}")
            connection.execute("PRAGMA query_only = ON")
            self._local.reader = connection
            self._ends.append(connection.close)
        return connection

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock that all writers of this file queue for.

        Raises:
            CatalogBusy: Another process held it for longer than `wait_s`.
            StoreUnwritable: The folder takes no lock file.
        """
        import filelock  # noqa: PLC0415 - reads do without it

        # No soft locks: a file that merely exists outlives its owner.
        lock = filelock.FileLock(f"{self.path}.lock", timeout=self.wait_s, fallback_to_soft=False)
        # Our own threads queue here: the lock of a file is asked for every now and then only.
        with self._queue:
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise CatalogBusy(str(self.path), self.wait_s) from error
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise StoreUnwritable(str(self.path), error.strerror or str(error)) from error
                # The queue is lost, not the safety: SQLite has locks of another kind below this.
                logger.info("%s: %s", lock.lock_file, error)
            try:
                yield
            finally:
                lock.release()

    @contextlib.contextmanager
    def transaction(self, *, locked: bool = False) -> Iterator["Connection"]:
        """Write: all of it or nothing, one writer at a time across processes.

        Args:
            locked: The caller is inside `exclusive` already.

        Raises:
            CatalogBusy: Another process wrote for longer than `wait_s`.
            CatalogDamaged: SQLite found broken pages.
            StoreUnwritable: The disk is full, read-only, or failing.
        """
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - writes bring SQLAlchemy

        with contextlib.nullcontext() if locked else self.exclusive():
            try:
                with self.engine().begin() as connection:
                    yield connection
            except DBAPIError as error:
                if isinstance(error.orig, sqlite3.Error):
                    raise self.translated(error.orig) from error
                raise

    def engine(self) -> "Engine":
        """The engine behind `transaction`; made at the first write."""
        if self._engine is None:
            from registry.catalog.engine import make_engine  # noqa: PLC0415 - as above

            self._engine = make_engine(self.path, wait_s=self.wait_s, durable=self._durable)
            self._ends.append(self._engine.dispose)
        return self._engine

    def close(self) -> None:
        """Close every connection. The database can be used again: it opens new ones."""
        _end(self._ends)
        self._local = threading.local()
        self._engine = None

    # ── what SQLite says ──────────────────────────────────────────────────────────────────────────

    def translated(self, error: sqlite3.Error) -> SdregError | sqlite3.Error:
        """Our error for SQLite's; the same error where it is a mistake of our own."""
        name = getattr(error, "sqlite_errorname", "")
        because = str(error)
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return CatalogBusy(str(self.path), self.wait_s)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA")):
            return CatalogDamaged(str(self.path), because)
        if name == "SQLITE_ERROR" and because.startswith(("no such table", "no such column")):
            return CatalogDamaged(str(self.path), because)
        if name.startswith(_UNWRITABLE):
            if name.startswith("SQLITE_CANTOPEN") and _is_out_of_inodes(self.path.parent):
                because = "the disk has no room for one more file (inodes)"
            return StoreUnwritable(str(self.path), because)
        return error


def _end(ends: list[Callable[[], None]]) -> None:
    while ends:
        ends.pop()()


def _is_out_of_inodes(folder: Path) -> bool:
    # SQLite says only that it cannot open its files.
    try:
        status = os.statvfs(folder)
    except (AttributeError, OSError):
        return False
    return status.f_files > 0 and status.f_favail == 0


# What network file systems say that have no locks of this kind.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_UNWRITABLE = (
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_PERM",
    "SQLITE_NOLFS",
)
