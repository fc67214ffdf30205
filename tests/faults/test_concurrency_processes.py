"""Rows 69 to 72 and 80: several processes, several UIs, one file."""

import os
import time

import pytest

from tests.faults.machine import MIB, kill, noise, sha256_of, under, wait_until

BIG = noise(24 * MIB)
SMALL = noise(MIB, seed=3)


def started(machine, *words):
    """A process that is in the middle of a download."""
    process = machine.start(*words, "--json")
    machine.wait_for_pieces(process)
    return process


def test_row_69_one_downloads_and_the_other_shares_the_result(machine):
    words = machine.wanting(BIG, rate=4 * MIB)
    first = machine.start(*words)
    wait_until(lambda: machine.server.sent_bytes("noise.safetensors") > 0, first)
    second = machine.start(*words)
    said = second.stderr.readline()
    machine.server.change("noise.safetensors", rate=None)
    told = [process.communicate(timeout=90) for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], told
    assert said == "another sdreg is fetching this file; waiting for it\n"
    assert "was here already, linked" in told[1][0] or "already installed" in told[1][0]
    assert machine.server.sent_bytes("noise.safetensors") <= len(BIG) + 4 * MIB
    machine.look(BIG, finished=True)


def test_row_69_when_the_owner_is_killed_the_other_takes_over_within_seconds(machine):
    words = machine.wanting(BIG, rate=4 * MIB)
    first = started(machine, *words)
    second = machine.start(*words)
    said = second.stderr.readline()
    kill(first)
    done = machine.pieces_done()
    killed_at, sent = time.monotonic(), machine.server.sent_bytes("noise.safetensors")
    wait_until(lambda: machine.server.sent_bytes("noise.safetensors") > sent + MIB, second)
    took_s = time.monotonic() - killed_at
    machine.server.change("noise.safetensors", rate=None)
    out, err = second.communicate(timeout=60)

    assert said == "another sdreg is fetching this file; waiting for it\n"
    assert second.returncode == 0, out + err
    assert took_s < 5
    assert done >= 1
    assert " are here already" in err
    machine.look(BIG, finished=True)


def test_row_71_a_killed_download_is_continued_with_what_its_journal_names(machine):
    words = machine.wanting(BIG, rate=3 * MIB)
    first = started(machine, *words)
    machine.wait_for_pieces(first, 2)
    kill(first)
    done, sent = machine.pieces_done(), machine.server.sent_bytes("noise.safetensors")
    machine.look(BIG, finished=False)
    machine.server.change("noise.safetensors", rate=None)

    assert machine.run(*words).code == 0

    assert machine.server.sent_bytes("noise.safetensors") - sent <= len(BIG) - (done - 1) * 4 * MIB
    machine.look(BIG, finished=True)


def test_row_71_a_part_that_was_read_only_already_when_the_run_was_killed_goes_on(machine):
    words = machine.wanting(BIG, rate=3 * MIB)
    first = started(machine, *words)
    kill(first)
    (part,) = (machine.home / "partial").glob("*.part")
    part.chmod(0o444)
    machine.server.change("noise.safetensors", rate=None)

    ended = machine.run(*words, before=under("drop=1", "drop=2"))  # root may write it anyhow

    assert ended.code == 0, ended
    machine.look(BIG, finished=True)


@pytest.mark.parametrize("same_time", [True, False])
def test_row_70_two_files_of_one_name_lie_side_by_side(machine, same_time):
    other = noise(MIB, seed=4)
    words = [
        machine.wanting(SMALL, "a/ink.safetensors"),
        machine.wanting(other, "b/ink.safetensors"),
    ]
    processes = []
    for each in words:
        processes.append(machine.start(*each))
        if not same_time:
            processes[-1].communicate(timeout=60)
    told = [process.communicate(timeout=60) for process in processes if same_time]

    assert [process.returncode for process in processes] == [0, 0], told
    machine.look(SMALL, other, finished=True)
    contents = sorted(path.read_bytes() for path in machine.finals())
    assert contents == sorted([SMALL, other] * 3)
    for folder in {path.parent for path in machine.finals()}:
        names = {path.name for path in folder.iterdir()} - {machine.precious.name}
        assert "ink.safetensors" in names
        assert len(names) == 2


STALE = {
    "empty": b"",
    "our pid": str(os.getpid()).encode(),
    "a pid that is used again": b"1\n",
    "another host": b"4711\nanother-host\n",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", STALE.values(), ids=STALE)
def test_row_72_a_lock_file_that_was_left_behind_locks_nobody_out(machine, content):
    machine.home.joinpath("partial").mkdir(exist_ok=True)
    left = [
        machine.home / "partial" / f"{sha256_of(SMALL)}.lock",
        machine.home / "catalog.sqlite3.lock",
    ]
    for path in left:
        path.write_bytes(content)
    begun = time.monotonic()

    assert machine.run(*machine.wanting(SMALL)).code == 0

    assert time.monotonic() - begun < 20
    machine.look(SMALL, finished=True)


def test_row_80_a_file_that_two_models_share_goes_with_the_last_of_them(machine):
    first, second = (
        machine.wanting(SMALL, "a/one.safetensors"),
        machine.wanting(SMALL, "b/two.safetensors"),
    )
    slugs = [machine(*words)["slug"] for words in (first, second)]
    (blob,) = machine.blobs()
    mine = machine.folder / "backup.safetensors"
    os.link(blob, mine)
    copy = machine.uis["comfyui"] / "models" / "loras" / "copy.safetensors"
    copy.write_bytes(SMALL)

    machine.run("remove", slugs[0], "--yes")
    assert machine.blobs() == [blob]
    assert sorted(path.name for path in machine.finals() if path != copy) == ["two.safetensors"] * 3
    machine.run("remove", slugs[1], "--yes")

    assert machine.blobs() == []
    assert machine.finals() == [copy]
    assert mine.read_bytes() == copy.read_bytes() == SMALL


def test_row_80_what_the_user_put_at_the_place_of_a_link_stays(machine):
    slug = machine(*machine.wanting(SMALL))["slug"]
    place = machine.places()[1]
    place.unlink()
    place.write_bytes(b"another file of the user's")

    machine.run("remove", slug, "--yes")

    assert place.read_bytes() == b"another file of the user's"
    assert machine.blobs() == []
