"""Opening the catalog: new, current, old, newer, damaged, unwritable, and twice at once."""

import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from registry.catalog import open_catalog, schema, set_aside
from registry.catalog.database import Database
from registry.catalog.model_records import ModelRecords
from registry.errors import (
    CatalogBusy,
    CatalogDamaged,
    CatalogInvalid,
    SchemaTooNew,
    StoreUnwritable,
)
from tests.catalog.conftest import NOON


def test_a_new_catalog_fills_itself_with_the_seed(seeded):
    assert seeded.models.count() == 118
    assert sum(len(model.versions) for model in seeded.models.overview()) == 195
    assert sum(len(model.files) for model in seeded.models.overview()) == 279
    assert seeded.check() == ()


def test_opening_a_current_catalog_writes_nothing(opened):
    opened(seed="shipped").close()
    path = opened().path
    before = (path.stat().st_mtime_ns, path.read_bytes())

    opened(seed="shipped").models.count()

    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_the_file_is_in_wal_mode(seeded):
    assert seeded.database.rows("PRAGMA journal_mode") == [("wal",)]


def test_writing_is_synchronous_and_checks_references(empty):
    with empty.database.transaction() as transaction:
        pragmas = {
            name: transaction.rows(f"PRAGMA {name}")[0][0]
            for name in ("synchronous", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_who_wants_nothing_durable_does_not_wait_for_the_disk(tmp_path):
    database = Database(tmp_path / "catalog.db", durable=False)
    with database.transaction() as transaction:
        assert transaction.rows("PRAGMA synchronous") == [(1,)]
    database.close()


def test_a_reader_cannot_write(empty):
    with pytest.raises(StoreUnwritable, match="readonly"):
        empty.database.rows("DELETE FROM models")


def test_an_empty_file_is_a_new_catalog(opened, tmp_path):
    (tmp_path / "catalog.db").touch()

    assert opened(seed="shipped").models.count() == 118


def test_a_folder_with_odd_characters_is_no_trouble(tmp_path):
    odd = tmp_path / "100% mine? #1 é"

    with open_catalog(odd / "c.db", backups=odd, clock=lambda: NOON, seed=None) as catalog:
        assert catalog.models.count() == 0


# ── what cannot be opened ─────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_no_database_is_damaged_and_left_alone(opened, tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(CatalogDamaged, match="file is not a database"):
        opened()

    assert (tmp_path / "catalog.db").read_bytes().startswith(b"not a database")


def test_somebody_elses_database_is_not_touched(opened, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db")) as other:
        other.execute("CREATE TABLE theirs(x)")

    with pytest.raises(CatalogDamaged, match="a database, but not a catalog of sdreg"):
        opened()


def test_a_truncated_catalog_is_damaged(opened):
    catalog = opened(seed="shipped")
    catalog.close()
    with catalog.path.open("r+b") as stream:
        stream.truncate(catalog.path.stat().st_size // 2)

    with pytest.raises(CatalogDamaged, match="malformed"):
        opened()


def test_a_damaged_page_is_found_by_its_check(opened):
    catalog = opened(seed="shipped")
    (page,) = catalog.database.rows(
        "SELECT rootpage FROM sqlite_master WHERE name = 'ix_models_origin'"
    )
    (size,) = catalog.database.rows("PRAGMA page_size")
    catalog.close()
    with catalog.path.open("r+b") as stream:
        stream.seek((page[0] - 1) * size[0])
        stream.write(b"\xff" * 64)

    assert opened().check()


def test_a_reference_to_a_lost_row_is_found_by_its_check(seeded):
    with contextlib.closing(sqlite3.connect(seeded.path)) as raw:
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute("DELETE FROM hashes WHERE kind = 'autov3'")
        raw.commit()

    trouble = seeded.check()

    assert len(trouble) == 2
    assert trouble[0].endswith("of file_hashes refers to a lost row of hashes")


def test_a_damaged_catalog_set_aside_makes_room_for_a_new_one(opened, tmp_path):
    path = tmp_path / "catalog.db"
    path.write_bytes(b"not a database at all" * 100)

    moved = set_aside(path, backups=tmp_path / "backups", clock=lambda: NOON)

    assert moved.read_bytes().startswith(b"not a database")
    assert opened(seed="shipped").models.count() == 118


def test_a_newer_schema_is_refused_and_not_touched(opened):
    catalog = opened()
    with catalog.database.transaction() as transaction:
        transaction.run("UPDATE alembic_version SET version_num = '9999'")
    catalog.close()

    with pytest.raises(SchemaTooNew, match=r"written by a newer sdreg \(schema 9999, this one"):
        opened()


def test_a_seed_that_breaks_its_schema_leaves_a_catalog_that_opens_without(opened, tmp_path):
    (tmp_path / "seed.json").write_text('{"schema": "sdreg.catalog/1", "revision": 1}')

    with pytest.raises(CatalogInvalid, match="models: it is missing"):
        opened(seed=tmp_path / "seed.json")

    assert opened(seed=None).models.count() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_so(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreUnwritable):
            open_catalog(tmp_path / "x" / "c.db", backups=tmp_path, clock=lambda: NOON, seed=None)
    finally:
        tmp_path.chmod(0o700)


def test_a_home_below_a_file_is_said_so(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnwritable):
        open_catalog(tmp_path / "file" / "c.db", backups=tmp_path, clock=lambda: NOON, seed=None)


# ── several processes ─────────────────────────────────────────────────────────────────────────────


def _open_and_count(path: str, start, counts) -> None:
    start.wait()
    folder = Path(path)
    with open_catalog(folder / "catalog.db", backups=folder, clock=lambda: NOON) as catalog:
        counts.put(catalog.models.count())


def test_several_processes_may_open_a_fresh_home_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, counts = context.Barrier(3), context.Queue()
    workers = [
        context.Process(target=_open_and_count, args=(str(tmp_path), start, counts))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()

    found = [counts.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)

    assert found == [118, 118, 118]
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


def _write_often(path: str, start, times: int) -> None:
    database = Database(Path(path))
    start.wait()
    for _ in range(times):
        with database.transaction() as transaction:
            ((value,),) = transaction.rows("SELECT value FROM catalog_meta WHERE key = 'n'")
            transaction.update("catalog_meta", {"value": str(int(value) + 1)}, key="n")


def test_two_processes_that_write_lose_nothing_of_each_other(empty):
    with empty.database.transaction() as transaction:
        transaction.run("INSERT INTO catalog_meta VALUES ('n', '0')")
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [
        context.Process(target=_write_often, args=(str(empty.path), start, 20)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert empty.database.rows("SELECT value FROM catalog_meta WHERE key = 'n'") == [("40",)]


def test_a_writer_that_waits_too_long_says_so_and_readers_never_wait(empty):
    hurried = Database(empty.path, wait_s=0.05)
    with empty.database.transaction():
        assert hurried.rows("SELECT count(*) FROM models") == [(0,)]
        with pytest.raises(CatalogBusy, match="is busy"), hurried.transaction():
            pass
    hurried.close()


def test_saving_nothing_waits_for_nobody(empty):
    hurried = Database(empty.path, wait_s=0.05)
    with empty.database.transaction():
        assert ModelRecords(hurried, empty.clock).save_all([]) == ()
    hurried.close()


def test_a_foreign_program_that_holds_the_database_is_busy_too(empty):
    hurried = Database(empty.path, wait_s=0.05)
    with contextlib.closing(sqlite3.connect(empty.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogBusy), hurried.transaction():
            pass
    hurried.close()


def test_a_transaction_that_fails_leaves_nothing(empty):
    def write_and_fail() -> None:
        with empty.database.transaction() as transaction:
            transaction.run("INSERT INTO catalog_meta VALUES ('n', '0')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()

    assert empty.database.rows("SELECT * FROM catalog_meta") == []


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────


READ = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from registry.catalog import open_catalog
home = Path(sys.argv[1])
with open_catalog(home, backups=home, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as catalog:
    assert catalog.models.overview(type="lora", limit=50)
    assert catalog.models.search("ink")
    assert catalog.models.find("anything-v3")
    assert catalog.models.names("any")
    assert catalog.installs.all() == ()
    assert catalog.installs.installed_slugs() == frozenset()
    assert catalog.audits.latest_findings() == ()
heavy = {"sqlalchemy", "alembic", "pydantic", "huggingface_hub", "httpx", "rapidfuzz", "filelock"}
print(sorted(heavy & set(sys.modules)))
"""


def test_reading_a_current_catalog_loads_nothing_heavy(opened):
    catalog = opened(seed="shipped")
    catalog.close()

    told = subprocess.run(
        [sys.executable, "-c", READ, str(catalog.path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )

    assert told.stdout == "[]\n"


def test_a_backup_is_a_whole_catalog(seeded, tmp_path):
    copy = schema.back_up(seeded.database, tmp_path / "backups", label="0001", at=NOON)

    assert copy.name == "catalog-0001-20260301T120000000000Z.db"
    with open_catalog(copy, backups=tmp_path, clock=lambda: NOON, seed=None) as again:
        assert again.models.count() == 118


def test_a_backup_that_cannot_be_written_leaves_nothing(seeded, tmp_path):
    (tmp_path / "backups").touch()

    with pytest.raises(StoreUnwritable, match="no backup could be made"):
        schema.back_up(seeded.database, tmp_path / "backups", label="0001", at=NOON)


def journal_of(path, tmp_path):
    """A journal with pages in it, as a killed writer leaves it."""
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO catalog_meta VALUES ('lost', 'page')")
        writer.commit()
        kept = tmp_path / "journal"
        kept.write_bytes(path.with_name(f"{path.name}-wal").read_bytes())
    return kept.read_bytes()


def test_the_journal_of_a_damaged_catalog_goes_along(opened, tmp_path, clock):
    catalog = opened()
    catalog.close()
    journal = journal_of(catalog.path, tmp_path)
    catalog.path.write_bytes(b"spoilt" * 1000)
    catalog.path.with_name(f"{catalog.path.name}-wal").write_bytes(journal)

    aside = set_aside(catalog.path, backups=tmp_path / "backups", clock=clock)

    assert aside.read_bytes() == b"spoilt" * 1000
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == journal
    assert not catalog.path.exists()
    assert not catalog.path.with_name(f"{catalog.path.name}-wal").exists()


def test_a_journal_whose_catalog_was_just_set_aside_spoils_no_new_one(opened, tmp_path):
    catalog = opened()
    catalog.close()
    journal = journal_of(catalog.path, tmp_path)
    catalog.path.unlink()
    catalog.path.with_name(f"{catalog.path.name}-wal").write_bytes(journal)

    again = opened(seed="shipped")

    assert again.check() == ()
    assert again.database.rows("SELECT * FROM catalog_meta WHERE key = 'lost'") == []
