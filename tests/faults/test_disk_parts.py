"""Rows 64 to 66: what lies in the folder of parts, or its locks, is not what it seems."""

import os
import signal

import pytest
from blake3 import blake3

from registry.errors import ConnectionLost
from registry.transfer.journal import Journal
from registry.transfer.partial import read_journal
from tests.faults.machine import MIB, kill, noise, sha256_of, under, wait_until
from tests.faults.under import is_known
from tests.servers.model_server import ModelServer, Trouble
from tests.transfer.bench import Bench, some_bytes

PIECE = 4 * MIB
LARGE = some_bytes(24 * MIB)
BIG = noise(24 * MIB)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "parts")
    yield made
    made.close()


@pytest.fixture
def url(bench):
    """Where LARGE can be had, after a first run that lost the server behind its third piece."""
    lost = Trouble(500, after=1)
    with ModelServer() as server:
        address = server.serve("model", LARGE, cut_at=14 * MIB, troubles=(lost,))
        with pytest.raises(ConnectionLost):
            bench.fetch(address, content=LARGE, attempts_without_progress=2)
        server.change("model", troubles=(), cut_at=None)
        yield address


# ── 64: a power cut ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 1}', "\0" * 4096, "\udcff", "9" * 5000]
)
def test_row_64_a_torn_journal_is_no_journal(bench, url, text):
    journal = bench.folder / "part.journal"
    journal.write_bytes(text.encode("utf-8", "surrogateescape"))

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE)


def test_row_64_a_journal_that_is_newer_than_its_bytes_is_found_out(bench, url):
    claims = {n: blake3(LARGE[n * PIECE : (n + 1) * PIECE]).hexdigest() for n in range(6)}
    journal = read_journal(bench.folder / "part.journal")
    text = Journal(journal.source, "model", len(LARGE), '"v1"', claims).to_text()
    (bench.folder / "part.journal").write_text(text)
    with (bench.folder / "part.part").open("r+b") as part:
        part.seek(3 * PIECE)
        part.write(bytes(len(LARGE) - 3 * PIECE))

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 3 * PIECE


def test_row_64_a_tail_of_zeros_is_fetched_again(bench, url):
    # What ext4 leaves of blocks that were promised and never written.
    with (bench.folder / "part.part").open("r+b") as part:
        part.seek(2 * PIECE - 5000)
        part.write(bytes(PIECE + 5000))

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - PIECE


@pytest.mark.parametrize("lost", ["record", "links", "blob"])
def test_row_64_what_a_power_cut_took_of_a_finished_install_is_made_again(machine, lost):
    """The disk may keep the record and lose the names, or the other way round."""
    words = again = machine.wanting(BIG)
    before = (machine.home / "catalog.sqlite3").read_bytes()
    assert machine.run(*words).code == 0
    if lost == "record":
        for path in machine.home.glob("catalog.sqlite3*"):
            path.unlink()
        (machine.home / "catalog.sqlite3").write_bytes(before)
    elif lost == "links":
        for place in machine.places():
            place.unlink()
    else:
        machine.blobs()[0].unlink()
        again = ("repair",)

    assert machine.run(*again).code == 0

    machine.look(BIG, finished=True)
    assert machine.finals() == sorted(machine.places())


# ── 65: a part that somebody touched ──────────────────────────────────────────────────────────────


def test_row_65_a_damaged_piece_of_a_part_is_fetched_again(bench, url):
    with (bench.folder / "part.part").open("r+b") as part:
        part.seek(PIECE + 17)
        part.write(b"damage")

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 2 * PIECE


@pytest.mark.parametrize("length", [0, 5 * MIB, 25 * MIB])
def test_row_65_a_part_of_another_length_is_not_trusted(bench, url, length):
    os.truncate(bench.folder / "part.part", length)

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


# ── 66: locks that do not lock ────────────────────────────────────────────────────────────────────

no_locks = pytest.mark.parametrize(
    "spell", ["flock=0", "flock=ENOLCK", "flock=ENOSYS"], ids=["silent", "none left", "unknown"]
)
needs_filters = pytest.mark.skipif(not is_known(), reason="no filter of system calls here")


@needs_filters
@no_locks
def test_row_66_without_locks_two_processes_have_parts_of_their_own(machine, spell):
    words = machine.wanting(BIG, rate=12 * MIB)
    both = [machine.start(*words, before=under(spell)) for _ in range(2)]
    parts = machine.home / "partial"
    wait_until(lambda: len(list(parts.glob("*.part"))) == 2, both[0])
    told = [process.communicate(timeout=90) for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    machine.look(BIG, finished=True)
    assert machine.finals() == sorted(machine.places())
    assert len(machine("list", "--installed")["models"]) == 1


@needs_filters
@no_locks
def test_row_66_without_locks_an_interrupted_download_goes_on(machine, spell):
    words = machine.wanting(BIG, rate=12 * MIB)
    first = machine.start(*words, before=under(spell))
    machine.wait_for_pieces(first, 2)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    done = machine.pieces_done()
    machine.server.change("noise.safetensors", rate=None)
    before = machine.server.sent_bytes("noise.safetensors")

    second = machine.run(*words, before=under(spell))

    assert first.returncode == 130
    assert second.code == 0, second
    assert machine.server.sent_bytes("noise.safetensors") - before <= len(BIG) - (done - 1) * PIECE
    machine.look(BIG, finished=True)


@needs_filters
def test_row_66_without_locks_a_killed_download_is_shown_and_can_be_dropped(machine):
    words = machine.wanting(BIG, rate=12 * MIB)
    first = machine.start(*words, before=under("flock=0"))
    machine.wait_for_pieces(first)
    kill(first)
    machine.server.change("noise.safetensors", rate=None)

    second = machine.run(*words, before=under("flock=0"))
    (shown,) = machine("downloads", before=under("flock=0"))["downloads"]
    machine.run("downloads", "clear", before=under("flock=0"))

    assert second.code == 0, "nobody may touch a part whose owner may be alive"
    assert shown["key"].startswith(sha256_of(BIG))
    machine.look(BIG, finished=True)
