"""The database file: reading it, writing it, and saying in our words what SQLite says in its own.

**Both use the standard library's sqlite3** and plain SQL: importing SQLAlchemy alone takes about
twice as long as importing typer and rich.table, and costs a small file more than its download.
SQLAlchemy serves what `tables` describes and what Alembic changes (see `engine`), and is loaded on
no other way. Tests hold reading and installing to that.

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
from registry.catalog.writing import Transaction
from registry.errors import CatalogBusy, CatalogDamaged, SdregError, StoreUnwritable

if TYPE_CHECKING:
    from filelock import BaseFileLock

logger = logging.getLogger(__name__)

WAIT_S = 30.0
CACHE_KIB = 128 * 1024  # a large import touches every index; a small cache writes pages many times


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
        self._queue = threading.Lock()
        self._process = os.getpid()
        self._lock: BaseFileLock | None = None
        self._writer: sqlite3.Connection | None = None

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
        # Our own threads queue here: the lock of a file is asked for every now and then only.
        with self._queue:
            self._forget_parent()
            lock = self._lock = self._lock or self._file_lock()
            try:
                self._acquire(lock)
                yield
            finally:
                lock.release()

    def _file_lock(self) -> "BaseFileLock":
        from filelock import FileLock  # noqa: PLC0415 - reads do without it

        # No soft locks: a file that merely exists outlives its owner. And not one for each thread:
        # these take turns already, and telling them apart costs more than the lock itself.
        return FileLock(
            f"{self.path}.lock", timeout=self.wait_s, thread_local=False, fallback_to_soft=False
        )

    def _acquire(self, lock: "BaseFileLock") -> None:
        from filelock import Timeout  # noqa: PLC0415 - as above

        try:
            lock.acquire()
        except Timeout as error:
            raise CatalogBusy(str(self.path), self.wait_s) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise StoreUnwritable(str(self.path), error.strerror or str(error)) from error
            # The queue is lost, not the safety: SQLite has locks of another kind below this.
            logger.info("%s: %s", lock.lock_file, error)

    def _forget_parent(self) -> None:
        """In a child that was forked off: neither lock nor connection may be its parent's."""
        if self._process != os.getpid():
            self._process, self._lock, self._writer = os.getpid(), None, None

    @contextlib.contextmanager
    def transaction(self, *, locked: bool = False) -> Iterator[Transaction]:
        """Write: all of it or nothing, one writer at a time across processes.

        Args:
            locked: The caller is inside `exclusive` already.

        Raises:
            CatalogBusy: Another process wrote for longer than `wait_s`.
            CatalogDamaged: SQLite found broken pages.
            StoreUnwritable: The disk is full, read-only, or failing.
        """
        with contextlib.nullcontext() if locked else self.exclusive():
            try:
                with self._begun() as connection:
                    yield Transaction(connection)
            except sqlite3.Error as error:
                raise self.translated(error) from error

    @contextlib.contextmanager
    def _begun(self) -> Iterator[sqlite3.Connection]:
        # The connection stays open: a new one reads the whole schema first, and writers take turns.
        if self._writer is None:
            self._writer = self.connect()
            self._ends.append(self._writer.close)
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")  # who reads in it may also write
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    def connect(self) -> sqlite3.Connection:
        """A new connection that may write, set up as all of them are. The caller closes it.

        Not durable, a power cut may undo the last transactions, and never spoils the file.
        """
        connection = sqlite3.connect(
            self.path,
            timeout=self.wait_s,
            isolation_level=None,  # the driver would begin late, and never before DDL
            check_same_thread=False,
        )
        try:
            for pragma in (
                "journal_mode = WAL",
                f"synchronous = {'FULL' if self._durable else 'NORMAL'}",
                "foreign_keys = ON",
                f"cache_size = -{CACHE_KIB}",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close every connection. The database can be used again: it opens new ones."""
        _end(self._ends)
        self._local = threading.local()
        self._writer = None

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
