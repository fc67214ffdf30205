"""Rows 73 to 77: the catalog is busy, read-only, of another time or gone; the clock jumps."""

import os
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.api import Registry
from registry.domain.progress import Progress
from registry.operations.install import install
from registry.operations.recover import recover
from registry.settings import Settings
from tests.faults.disks import Apart
from tests.faults.machine import MIB, noise, wait_until

SMALL = noise(MIB, seed=3)


@pytest.fixture
def database(machine):
    """A connection of some other program to the catalog."""
    opened = sqlite3.connect(machine.home / "catalog.sqlite3", isolation_level=None)
    yield opened
    opened.close()


def test_row_73_a_reader_that_never_ends_stops_nobody(machine, database):
    database.execute("BEGIN")
    before = database.execute("SELECT count(*) FROM installs").fetchone()

    ended = machine.run(*machine.wanting(SMALL))

    assert ended.code == 0, ended
    assert database.execute("SELECT count(*) FROM installs").fetchone() == before, "its snapshot"
    assert (machine.home / "catalog.sqlite3-wal").stat().st_size > 0
    database.execute("COMMIT")
    machine.look(SMALL, finished=True)


def test_row_73_a_writer_is_waited_for(machine, database):
    database.execute("BEGIN IMMEDIATE")
    process = machine.start(*machine.wanting(SMALL))
    state = Path(f"/proc/{process.pid}/syscall")
    if not state.exists():
        pytest.skip("this system does not tell what a process waits for")
    wait_until(lambda: sleeps(state), process)
    database.execute("COMMIT")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, out + err
    machine.look(SMALL, finished=True)


def sleeps(state):
    """Whether the process sleeps between two attempts to get the lock."""
    return state.read_text().split()[0] in {"35", "230", "101", "115"}


def test_row_74_a_catalog_on_a_read_only_disk_is_read_and_refuses_to_be_written(machine, tmp_path):
    assert machine.run(*machine.wanting(SMALL)).code == 0
    more = tmp_path / "more.json"
    more.write_text('{"schema": "sdreg.catalog/1", "revision": 1, "models": []}')
    with Apart() as apart:
        apart.mount("--bind", machine.home, machine.home)
        apart.mount("-o", "remount,ro,bind", machine.home)

        listed = machine("list", "--installed", before=apart.enter)["models"]
        error = machine("catalog", "add", more, expect=6, before=apart.enter)

        assert len(listed) == 1
        assert error["code"] == "store-unwritable"
        assert "ead-only" in error["message"]


def test_row_75_processes_that_make_the_catalog_at_once_make_one(machine):
    for path in machine.home.glob("catalog.sqlite3*"):
        path.unlink()
    several = [machine.start("list", "--json") for _ in range(4)]
    told = [process.communicate(timeout=120) for process in several]

    assert [process.returncode for process in several] == [0] * 4, told
    assert len({out for out, _ in told}) == 1
    machine.look(finished=False)


def test_row_75_a_catalog_of_a_newer_sdreg_is_refused_and_not_touched(machine, database):
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (machine.home / "catalog.sqlite3").read_bytes()

    error = machine(*machine.wanting(SMALL), expect=11)

    assert error["code"] == "schema-too-new"
    assert (machine.home / "catalog.sqlite3").read_bytes() == before
    assert machine.blobs() == []


def lose(path):
    path.unlink()


def cut(path):
    os.truncate(path, 5000)


def spoil(path):
    with path.open("r+b") as file:
        file.write(b"spoilt, page after page" * 2000)


@pytest.mark.parametrize("harm", [lose, cut, spoil])
def test_row_76_without_its_catalog_no_model_is_lost_and_nothing_is_fetched_again(machine, harm):
    words = machine.wanting(SMALL)
    assert machine.run(*words).code == 0
    (blob,) = machine.blobs()
    inode = blob.stat().st_ino
    for suffix in ("-wal", "-shm"):
        machine.home.joinpath(f"catalog.sqlite3{suffix}").unlink(missing_ok=True)
    harm(machine.home / "catalog.sqlite3")

    if harm is not lose:
        error = machine(*words, expect=11)
        assert error["code"] == "catalog-damaged"
        machine.run("doctor", "--fix", "--offline")
    sent = machine.server.sent_bytes("noise.safetensors")
    again = machine.run(*words)

    assert again.code == 0, again
    assert blob.stat().st_ino == inode
    assert machine.server.sent_bytes("noise.safetensors") == sent
    machine.look(SMALL, finished=True)


@pytest.mark.parametrize("years", [-10, 10])
def test_row_77_a_clock_that_jumps_loses_nothing(machine, years):
    registry = Registry(Settings(home=machine.home, uis=(("comfyui", machine.uis["comfyui"]),)))
    now = registry.rooms.clock
    elsewhen = replace(registry.rooms, clock=lambda: now() + timedelta(days=365 * years))
    _, url, _, sha256, *_ = machine.wanting(SMALL)

    plan = registry.plan_install(url, registry.wish(), sha256=sha256, type="lora")
    (done,) = install(plan, elsewhen, Progress()).files
    record, *_ = elsewhen.catalog.installs.all()
    left = elsewhen.catalog.installs.intend(record, ())
    recover(registry.rooms)
    report = registry.verify()

    assert done.status == "installed"
    assert left not in {intent.id for intent in registry.catalog.installs.pending()}
    assert report.findings == ()
    registry.catalog.close()
    machine.look(SMALL, finished=True)
