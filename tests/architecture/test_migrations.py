"""The migrations: one line, up and down, no drift, a copy before anything changes."""

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from registry.catalog import open_catalog, schema
from registry.catalog.database import Database
from registry.catalog.engine import make_engine
from registry.catalog.tables import metadata
from registry.errors import SchemaTooNew

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "catalog.db")
    with schema.prepared(database):
        schema.upgrade(database, backups=tmp_path / "backups", clock=lambda: NOON)
    yield database
    database.close()


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(schema.alembic_config())


def test_there_is_one_head_and_the_program_knows_it():
    assert scripts().get_heads() == [schema.HEAD]


def test_the_migrations_make_the_tables_that_the_program_uses(database):
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or not (name or "").startswith("model_search")

    with make_engine(database).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": ours, "compare_server_default": True}
        )
        drift = compare_metadata(context, metadata)

    assert drift == []


def test_every_migration_can_be_undone_and_done_again(database):
    with database.exclusive():
        schema.run(database, "downgrade", "base")
    names = {
        name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    assert names == {"alembic_version"}

    with database.exclusive():
        schema.run(database, "upgrade", "head")
    assert schema.revision(database) == schema.HEAD


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.add_column("models", sa.Column("colour", sa.Text()))
    {then}


def downgrade():
    op.drop_column("models", "colour")
"""


@pytest.fixture
def tomorrow(tmp_path, monkeypatch):
    """Make this program the next release, with one migration more."""

    def release(then: str = "") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(schema.shipped("migrations"), folder)
        script = NEXT.format(head=schema.HEAD, then=then or "pass")
        (folder / "versions" / "9999_colours.py").write_text(script)
        monkeypatch.setattr(schema, "shipped", lambda name: tmp_path / name)
        monkeypatch.setattr(schema, "HEAD", "9999")

    return release


def test_an_existing_file_is_copied_before_it_changes(database, tmp_path, tomorrow):
    with database.transaction() as transaction:
        transaction.run("INSERT INTO catalog_meta VALUES ('mine', 'kept')")
    database.close()
    today = schema.HEAD
    tomorrow()

    with open_catalog(
        database.path, backups=tmp_path / "backups", clock=lambda: NOON, seed=None
    ) as catalog:
        assert catalog.database.rows("SELECT colour FROM models") == []
        assert catalog.database.rows("SELECT value FROM catalog_meta") == [("kept",)]

    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name == f"catalog-{today}-20260301T120000000000Z.db"
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [(today,)]
        assert kept.execute("SELECT value FROM catalog_meta").fetchall() == [("kept",)]


def test_an_upgrade_that_fails_leaves_the_old_catalog_and_its_copy(database, tmp_path, tomorrow):
    database.close()
    today = schema.HEAD
    tomorrow(then='raise RuntimeError("the power went out")')

    with pytest.raises(RuntimeError, match="power"):
        open_catalog(database.path, backups=tmp_path / "backups", clock=lambda: NOON, seed=None)

    assert schema.revision(database) == today
    columns = {row[1] for row in database.rows("PRAGMA table_info(models)")}
    assert "slug" in columns
    assert "colour" not in columns
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_migration_that_fails_halfway_changes_nothing(tmp_path):
    database = Database(tmp_path / "catalog.db")
    # The last step of the first migration cannot succeed here; the forty before it can.
    with contextlib.closing(sqlite3.connect(database.path)) as raw:
        raw.execute("CREATE TABLE model_search(x)")
        raw.execute("CREATE TABLE alembic_version(version_num TEXT PRIMARY KEY)")
    with pytest.raises(Exception, match="model_search"), schema.prepared(database):
        schema.run(database, "upgrade", "head")

    names = {
        name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    database.close()
    assert names == {"model_search", "alembic_version"}


def test_an_older_program_refuses_a_newer_catalog_and_makes_no_copy(database, tmp_path):
    with contextlib.closing(sqlite3.connect(database.path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()

    with pytest.raises(SchemaTooNew):
        open_catalog(database.path, backups=tmp_path / "backups", clock=lambda: NOON)

    assert not (tmp_path / "backups").exists()


def test_migrations_say_how_they_are_undone():
    for script in scripts().walk_revisions():
        assert script.module.downgrade is not None
        assert Path(script.path).name.startswith(f"{script.revision}_")
