"""Plain writes: what a transaction does, and whose names of tables and columns it uses."""

import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from registry.catalog import known, rows, tables
from registry.catalog.database import Database
from registry.catalog.seed_schema import SeedFile, SeedModel, SeedSource, names_of
from registry.errors import CatalogDamaged

ROOT = Path(__file__).resolve().parents[2]


def runs(catalog) -> list[tuple]:
    return catalog.database.rows("SELECT id, began_at, scope, checked FROM audit_runs ORDER BY id")


def test_rows_are_added_changed_and_deleted_by_their_values(empty):
    with empty.database.transaction() as transaction:
        first = transaction.insert("audit_runs", began_at="now", scope="all")
        transaction.insert_many("audit_runs", ("began_at", "scope"), [("now", "x"), ("later", "x")])
        assert transaction.update("audit_runs", {"checked": 7}, began_at="now", scope="all") == 1
        assert transaction.delete("audit_runs", scope="x") == 2
        assert transaction.rows("SELECT count(*) FROM audit_runs") == [(1,)]

    assert runs(empty) == [(first, "now", "all", 7)]


def test_what_is_there_already_is_changed_and_keeps_its_number(empty):
    with empty.database.transaction() as transaction:
        for path in ("/old", "/new"):
            fresh = {"path": path, "size_bytes": 1}
            numbers = {
                transaction.upsert("blobs", {"sha256": "ab"}, fresh, adopted_at=f"with {path}")
            }

    found = empty.database.rows("SELECT id, path, adopted_at FROM blobs")
    assert found == [(numbers.pop(), "/new", "with /old")]


def test_a_column_that_is_not_there_is_no_text(empty):
    with (
        pytest.raises(CatalogDamaged, match="no such column"),
        empty.database.transaction() as transaction,
    ):
        transaction.delete("audit_runs", scoop="scoop")


def test_a_mistake_of_our_own_stays_what_it_is_and_the_next_transaction_is_sound(empty):
    def write_and_fail() -> None:
        with empty.database.transaction() as transaction:
            transaction.insert("audit_runs", began_at="now")
            transaction.insert("findings", run_id=1)

    with pytest.raises(sqlite3.IntegrityError):
        write_and_fail()

    with empty.database.transaction() as transaction:
        transaction.insert("audit_runs", began_at="later")
    assert [row[1] for row in runs(empty)] == ["later"]


def test_threads_take_turns(empty):
    def add_some() -> None:
        for _ in range(25):
            with empty.database.transaction() as transaction:
                before = len(transaction.rows("SELECT id FROM audit_runs"))
                transaction.insert("audit_runs", began_at="now", checked=before)

    threads = [threading.Thread(target=add_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [row[3] for row in runs(empty)] == list(range(100))


def _write_in_child(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.insert("audit_runs", began_at="child")


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_a_forked_child_writes_through_a_lock_and_a_connection_of_its_own(empty):
    with empty.database.transaction() as transaction:
        transaction.insert("audit_runs", began_at="before")

    child = multiprocessing.get_context("fork").Process(
        target=_write_in_child, args=(empty.database,)
    )
    child.start()
    child.join(60)
    with empty.database.transaction() as transaction:
        transaction.insert("audit_runs", began_at="after")

    assert child.exitcode == 0
    assert [row[1] for row in runs(empty)] == ["before", "child", "after"]
    assert empty.check() == ()


# ── held against the tables ───────────────────────────────────────────────────────────────────────


def test_new_rows_are_written_in_an_order_that_foreign_keys_allow():
    for place, name in enumerate(rows.ORDER):
        keys = tables.metadata.tables[name].foreign_keys
        assert {key.column.table.name for key in keys} <= set(rows.ORDER[:place])


@pytest.mark.parametrize(
    ("columns", "table", "facts"),
    [
        (known.MODEL_COLUMNS, tables.models, SeedModel),
        (rows.FILE_COLUMNS, tables.files, SeedFile),
        (rows.SOURCE_COLUMNS, tables.sources, SeedSource),
    ],
    ids=["models", "files", "sources"],
)
def test_every_fact_with_a_column_of_its_name_is_written_to_it(columns, table, facts):
    assert set(columns) == set(table.columns.keys()) & set(names_of(facts))
    assert len(columns) == len(set(columns))


# ── what it loads ─────────────────────────────────────────────────────────────────────────────────


WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from registry.catalog import open_catalog
from registry.domain.audit import AuditRun, Finding, FindingKind
from registry.domain.hashes import Hashes
from registry.domain.install import Blob, Install, Link, LinkMethod, Placement
from registry.domain.variant import Precision
path, noon = Path(sys.argv[1]), datetime(2026, 1, 1, tzinfo=UTC)
with open_catalog(path, backups=path, clock=lambda: noon) as catalog:
    saved = catalog.models.save(catalog.models.find("anything-v3"))
    file = saved.files[0][1]
    digits, place = file.hashes.sha256, Path("/library/toy")
    install = Install("toy", "toy", "checkpoint", "toy", file.id, digits, 1, "x", True, noon)
    number = catalog.installs.intend(install, [Placement("library", place)])
    catalog.models.learn_hashes(file.id, Hashes.of("crc32:00000000"))
    catalog.models.learn_content(file.id, precision=Precision.FP16, contradictions=["not so"])
    link = Link("library", place, digits, LinkMethod.HARDLINK)
    done = catalog.installs.complete(number, (link,), Blob(digits, Path("/toy"), 1))
    catalog.installs.add_links(done.id, (link,))
    catalog.models.mark_gone(file.sources[0], noon)
    run = AuditRun(noon, "all", id=catalog.audits.begin(AuditRun(noon, "all")))
    catalog.audits.record(run, [Finding(FindingKind.OK, digits, Path("/toy"), "")], noon)
print(sorted({"sqlalchemy", "alembic", "pydantic"} & set(sys.modules)))
"""


def test_writing_loads_nothing_heavy(seeded):
    seeded.close()

    told = subprocess.run(
        [sys.executable, "-c", WRITE, str(seeded.path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert (told.stdout, told.stderr) == ("[]\n", "")
