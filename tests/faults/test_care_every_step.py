"""Killed at every step of a fix, a rebuild or a collection: nothing is lost, the next one ends it.

As in `test_disk_every_step`, a few steps of each kind are tried, and with `EVERY_STEP=1` all.
"""

import os
import re
from collections import Counter
from dataclasses import replace

import pytest

from registry.api import Registry
from registry.domain.install import Placement
from registry.settings import Settings
from registry.transfer.journal import Journal
from tests.faults.machine import MIB, Machine, noise, sha256_of
from tests.faults.test_disk_every_step import EVERY_STEP, can_trace, chosen, keep, restore, traced
from tests.servers.model_server import ModelServer

EVERY_CALL = ("chmod", "fdatasync", "fsync", "link", "linkat", "pwrite64", "rename", "unlink")
CALLS = EVERY_CALL if EVERY_STEP else ("chmod", "fdatasync", "linkat", "rename", "unlink")
ONE, OTHER, WASTE = noise(MIB), noise(MIB, seed=2), noise(MIB, seed=3)
FIX = ("doctor", "--fix", "--offline")
REBUILD = ("doctor", "--rebuild", "--offline")
GC = ("gc", "--yes")
LONG_AGO_S = 30 * 86_400
SPOILT = b"spoilt, page after page" * 2000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace"),
]


def opened(machine):
    return Registry(Settings(home=machine.home, uis=tuple(machine.uis.items())))


def installed(machine, content, name):
    assert machine.run(*machine.wanting(content, name)).code == 0


def records(machine):
    """What people see of the installs."""
    registry = opened(machine)
    try:
        return sorted(
            (i.reference, i.slug, i.file_name, i.sha256, sorted(str(k.path) for k in i.links))
            for i in registry.installed()
        )
    finally:
        registry.catalog.close()


def age(path):
    then = path.stat().st_mtime - LONG_AGO_S
    os.utime(path, (then, then))


def steps(machine, kept, call, *words):
    """Which calls of the command itself are tried, not of the children that it asks."""
    log = kept.with_name("calls")
    restore(machine, kept)
    machine.run(*words, before=traced(f"execve,{call}", log=log))
    (main, *_) = made = re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE)
    tried = chosen(Counter(made)[main[0], call], few=2)
    return tried if EVERY_STEP else tried[-1:]


def killed_at_each(machine, kept, call, words):
    """Kill the command at one step after the other; after each the caller looks."""
    for number in steps(machine, kept, call, *words):
        restore(machine, kept)
        killed = machine.run(*words, before=traced(call, inject=f"signal=SIGKILL:when={number}"))
        assert killed.code == -9, (call, number, killed)
        for folder in (machine.home, machine.home / "library", *machine.uis.values()):
            for probe in folder.glob(".sdreg-probe-*"):
                age(probe)  # as if the next run came some minutes later
        yield (call, number)


def ended(machine, *words):
    """Run it again; exit code 1 would tell of this machine's sandbox only."""
    again = machine.run(*words, "--json")
    assert again.code in {0, 1}, again
    return again.document


@pytest.fixture(scope="module")
def new_machine(tmp_path_factory, template):
    """Makes furnished machines with nothing installed, for all tests of one command."""
    with ModelServer() as server:
        yield lambda: Machine(tmp_path_factory.mktemp("machine"), server, template).furnish()


@pytest.fixture(scope="module")
def ailing(new_machine):
    """A machine on which everything is amiss that `--fix` puts right."""
    machine = new_machine()
    installed(machine, ONE, "noise.safetensors")
    installed(machine, OTHER, "other.safetensors")
    before = records(machine)
    registry = opened(machine)
    first, second = registry.installed()
    registry.catalog.installs.remove(second.id)
    places = [Placement(link.layout, link.path) for link in second.links]
    registry.rooms.catalog.installs.intend(replace(second, links=()), places)
    registry.catalog.close()
    for link in second.links:
        link.path.unlink()
    blob = machine.home / "blobs" / "sha256" / first.sha256[:2] / first.sha256
    blob.chmod(0o644)
    blob.with_name(f"{blob.name}.json").write_bytes(b"torn")
    left = blob.with_name(".sdreg-killed.part")
    left.write_bytes(b"left")
    age(left)
    tokens = machine.home / "credentials.json"
    tokens.write_text("{}")
    tokens.chmod(0o644)
    return machine, keep(machine, machine.folder), before


@pytest.mark.parametrize("call", CALLS)
def test_row_71_killed_at_any_step_of_a_fix_the_next_one_ends_it(ailing, call):
    machine, kept, before = ailing
    for at in killed_at_each(machine, kept, call, FIX):
        held = {sha256_of(blob.read_bytes()) for blob in machine.blobs()}
        assert held == {sha256_of(ONE), sha256_of(OTHER)}, at

        fixed = ended(machine, *FIX)["fixed"]

        assert all(each["done"] for each in fixed), (at, fixed)
        machine.look(ONE, OTHER, finished=True)
        assert records(machine) == before, at
        assert ended(machine, *FIX)["fixed"] == [], at


@pytest.fixture(scope="module")
def lost(new_machine):
    """A machine whose catalog is spoilt, with one file that is installed under two names."""
    machine = new_machine()
    installed(machine, ONE, "noise.safetensors")
    installed(machine, OTHER, "other.safetensors")
    installed(machine, ONE, "twin.safetensors")
    before = records(machine)
    assert len(before) == 3
    for suffix in ("-wal", "-shm"):
        machine.home.joinpath(f"catalog.sqlite3{suffix}").unlink(missing_ok=True)
    machine.home.joinpath("catalog.sqlite3").write_bytes(SPOILT)
    return machine, keep(machine, machine.folder), before


@pytest.mark.parametrize("call", CALLS)
def test_row_71_killed_at_any_step_of_a_rebuild_the_next_one_ends_it(lost, call):
    machine, kept, before = lost
    for at in killed_at_each(machine, kept, call, REBUILD):
        files = [machine.home / "catalog.sqlite3", *machine.home.glob("backups/*damaged*.db")]
        assert SPOILT in {file.read_bytes() for file in files if file.exists()}, at

        ended(machine, *REBUILD)

        machine.look(ONE, OTHER, finished=True)
        assert records(machine) == before, at
        assert ended(machine, *REBUILD)["rebuilt"]["recorded"] == [], at


@pytest.fixture(scope="module")
def littered(new_machine):
    """A machine with one thing of each kind that `gc` throws away, and things of the user's."""
    machine = new_machine()
    installed(machine, ONE, "noise.safetensors")
    installed(machine, WASTE, "waste.safetensors")
    registry = opened(machine)
    waste = next(i for i in registry.installed() if i.file_name == "waste.safetensors")
    registry.catalog.installs.remove(waste.id)
    for link in waste.links:
        link.path.unlink()
    odd = machine.folder / "odd.ckpt"
    odd.write_bytes(b"odd")
    registry.rooms.store.quarantine(odd, "it is odd")
    registry.catalog.close()
    users = machine.home / "quarantine" / "mine.ckpt"
    users.write_bytes(b"mine")
    part = machine.home / "partial" / "left.part"
    part.write_bytes(bytes(4096))
    journal = Journal("https://a.example/x", "x.safetensors", 4096, None)
    part.with_suffix(".journal").write_text(journal.to_text())
    age(part)
    return machine, keep(machine, machine.folder), records(machine), users


@pytest.mark.parametrize("call", CALLS)
def test_row_71_killed_at_any_step_of_a_collection_the_next_one_ends_it(littered, call):
    machine, kept, before, users = littered
    for at in killed_at_each(machine, kept, call, GC):
        assert sha256_of(ONE) in {blob.name for blob in machine.blobs()}, at

        ended(machine, *GC)

        assert users.read_bytes() == b"mine", at
        assert records(machine) == before, at
        machine.look(ONE, finished=True)
        # Of what was set aside the note may be left, if it died just before that went, too.
        assert {path.name for path in users.parent.iterdir()} <= {"mine.ckpt", "odd.ckpt.why.txt"}
        assert ended(machine, *GC)["found"] == [], at
