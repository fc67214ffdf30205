"""Killed or failed at every step of real commands: what holds then, and that the next run ends it.

strace kills the process as it enters the n-th call of one kind, or lets that call fail. By default
a few steps of each kind are tried; `EVERY_STEP=1` tries them all (about ten minutes).
"""

import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from tests.faults.machine import MIB, Machine, noise, sha256_of
from tests.servers.model_server import ModelServer

EVERY_STEP = bool(os.environ.get("EVERY_STEP"))  # noqa: TID251 -- how thorough to be is no setting
CALLS = (
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "linkat",
    "unlink",
    "pwrite64",
    "fallocate",
    "ftruncate",
    "chmod",
)
CONTENT = noise(17 * MIB)
SMALL = noise(MIB, seed=3)
OUR_WORD = {0, 5, 6, 11}
"""Done all the same, or the exit code of an error of the transfer, the disk or the catalog."""


def can_trace():
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-qf", "true"], capture_output=True, check=False).returncode == 0
    )


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace"),
]


def traced(calls, *, log="/dev/null", inject=None):
    """The beginning of a command line whose calls are watched, killed or failed."""
    if inject is None:
        return ("strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), "-e", f"trace={calls}")
    # Not with --seccomp-bpf: strace 6.1 forgets a signal that it is to inject then.
    return ("strace", "-f", "-qq", "-o", str(log), "-e", f"inject={calls}:{inject}")


def counted(folder, template, content):
    """How often one thread of an install makes each call."""
    with ModelServer() as server:
        machine = Machine(folder, server, template).furnish()
        log = folder / "calls"
        ended = machine.run(*machine.wanting(content), before=traced(",".join(CALLS), log=log))
    assert ended.code == 0, ended.err
    made = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    return {call: max((n for (_, name), n in made.items() if name == call), default=0)
            for call in CALLS}  # fmt: skip


@pytest.fixture(scope="module")
def counts(tmp_path_factory, template):
    """Those of a file of many pieces."""
    return counted(tmp_path_factory.mktemp("counted"), template, CONTENT)


@pytest.fixture(scope="module")
def short_counts(tmp_path_factory, template):
    """Those of a file of one piece, which goes its own way."""
    return counted(tmp_path_factory.mktemp("counted"), template, SMALL)


def chosen(count, few):
    """Which of the calls 1 … count are tried."""
    if EVERY_STEP:
        return list(range(1, count + 1, max(1, count // 60)))
    return sorted({1 + count * step // few for step in range(few)}) if count else []


@pytest.mark.parametrize("call", CALLS)
def test_row_71_killed_at_any_step_of_an_install_the_next_run_ends_it(machine, counts, call):
    steps = chosen(counts[call], few=3 if call == "fsync" else 2)
    kill_and_go_on(machine, CONTENT, call, steps, counts[call])


@pytest.mark.parametrize("call", CALLS)
def test_row_71_killed_at_any_step_of_a_short_file_the_next_run_ends_it(
    machine, short_counts, call
):
    steps = chosen(short_counts[call], few=1)
    kill_and_go_on(machine, SMALL, call, steps, short_counts[call])


def kill_and_go_on(machine, content, call, steps, count):
    words = machine.wanting(content)
    for number in steps:
        machine.furnish()

        killed = machine.run(*words, before=traced(call, inject=f"signal=SIGKILL:when={number}"))

        if killed.code == 0 and number > count * 3 // 4:
            continue  # a run that is quicker keeps its journal fewer times
        assert killed.code == -9, (call, number, killed)
        machine.look(content, finished=False)
        again = machine.run(*words)
        assert again.code == 0, (call, number, again)
        machine.look(content, finished=True)
        assert machine.finals() == sorted(machine.places())


@pytest.mark.parametrize("call", CALLS if EVERY_STEP else ("pwrite64", "fallocate", "linkat"))
def test_row_48_a_full_disk_at_any_step_is_told_and_the_next_run_ends_it(machine, counts, call):
    fail_and_go_on(machine, call, "ENOSPC", counts[call])


@pytest.mark.parametrize("call", CALLS if EVERY_STEP else ("fsync", "fdatasync", "rename", "chmod"))
def test_row_51_a_disk_that_fails_at_any_step_is_told_and_the_next_run_ends_it(
    machine, counts, call
):
    fail_and_go_on(machine, call, "EIO", counts[call])


def fail_and_go_on(machine, call, error, count):
    words = machine.wanting(CONTENT)
    for number in chosen(count, few=2)[not EVERY_STEP :]:
        machine.furnish()

        failed = machine.run(*words, before=traced(call, inject=f"error={error}:when={number}"))

        assert failed.code in OUR_WORD, (call, number, failed)
        assert failed.code == 0 or "sdreg: " in failed.err, (call, number, failed)
        machine.look(CONTENT, finished=False)
        again = machine.run(*words)
        assert again.code == 0, (call, number, again)
        machine.look(CONTENT, finished=True)
        assert machine.finals() == sorted(machine.places())


def test_row_51_a_part_whose_sync_failed_is_thrown_away_and_not_synced_again(machine, tmp_path):
    words = machine.wanting(CONTENT)
    part = machine.home / "partial" / f"{sha256_of(CONTENT)}.part"
    log = tmp_path / "syncs"

    failed = machine.run(
        *words, before=(*traced("fdatasync", log=log, inject="error=EIO"), "-P", str(part))
    )

    assert failed.code == 6
    assert "they were thrown away" in failed.err
    assert log.read_text().count("fdatasync(") == 1, "a second sync would call lost pages clean"
    assert machine.unfinished() == []
    machine.look(finished=False)
    assert machine.run(*words).code == 0
    machine.look(CONTENT, finished=True)


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "unlink"])
def test_row_71_killed_at_any_step_of_a_removal_the_next_run_ends_it(machine, tmp_path, call):
    slug = machine(*machine.wanting(SMALL))["slug"]
    kept = keep(machine, tmp_path)
    for number in steps_of(machine, kept, call, "remove", slug, "--yes"):
        restore(machine, kept)

        killed = machine.run(
            "remove", slug, "--yes", before=traced(call, inject=f"signal=SIGKILL:when={number}")
        )

        assert killed.code == -9, (call, number, killed)
        machine.look(SMALL, finished=False)
        again = machine.run("remove", slug, "--yes")
        # 2: its record was gone already; then nothing but unused bytes can be left.
        assert again.code in {0, 2}, (call, number, again)
        machine.look(*(SMALL for _ in machine.blobs()), finished=False)
        assert machine.finals() == []
        assert again.code == 2 or machine.blobs() == []


REPAIR_CALLS = ("fsync", "rename", "linkat", "unlink", "pwrite64", "truncate", "write")


@pytest.mark.parametrize("call", REPAIR_CALLS)
def test_row_71_killed_at_any_step_of_a_repair_the_next_run_ends_it(machine, tmp_path, call):
    """Two of five pieces are bad: three come from the file itself, two from the server."""
    machine.run(*machine.wanting(CONTENT))
    (blob,) = machine.blobs()
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        for piece in (1, 3):
            file.seek(piece * 4 * MIB + 5)
            file.write(b"rot")
    kept = keep(machine, tmp_path)
    for number in steps_of(machine, kept, call, "repair"):
        restore(machine, kept)

        killed = machine.run("repair", before=traced(call, inject=f"signal=SIGKILL:when={number}"))

        assert killed.code == -9, (call, number, killed)
        again = machine.run("repair")
        assert again.code == 0, (call, number, again)
        machine.look(CONTENT, finished=True)
        assert machine.finals() == sorted(machine.places())


@pytest.mark.parametrize("call", ["fdatasync", "pwrite64", "preadv2"])
def test_row_71_killed_at_any_step_of_an_audit_the_next_run_goes_on(machine, tmp_path, call):
    machine.run(*machine.wanting(SMALL))
    machine.run(*machine.wanting(CONTENT, "other.safetensors"))
    kept = keep(machine, tmp_path)
    # Which of the threads that read makes how many calls is another thing in each run.
    numbers = (1, 2) if call == "preadv2" else steps_of(machine, kept, call, "audit", "run")
    for number in numbers:
        restore(machine, kept)

        killed = machine.run(
            "audit", "run", before=traced(call, inject=f"signal=SIGKILL:when={number}")
        )

        assert killed.code == -9, (call, number, killed)
        again = machine("audit", "run")
        assert (again["checked"], again["findings"]) == (2, []), (call, number)
        endings = [run["ending"] for run in machine("audit", "history")["runs"]]
        assert endings[0] == "complete"
        assert set(endings[1:]) <= {None}
        machine.look(SMALL, CONTENT, finished=True)


def keep(machine, tmp_path):
    """A copy of all that is there; hard links stay hard links."""
    kept = tmp_path / "kept"
    kept.mkdir()
    copy_all(machine.folders, kept)
    return kept


def restore(machine, kept):
    for folder in machine.folders:
        shutil.rmtree(folder)
    copy_all(sorted(kept.iterdir()), machine.folder)


def copy_all(folders, target):
    subprocess.run(["cp", "-a", *map(str, folders), str(target)], check=True)


def steps_of(machine, kept, call, *words):
    """Which calls of a command are tried."""
    log = kept.with_name("calls")
    assert machine.run(*words, before=traced(call, log=log)).code == 0
    made = Counter(re.findall(r"^(\d+) ", log.read_text(), re.MULTILINE))
    restore(machine, kept)
    return chosen(max(made.values(), default=0), few=2)[not EVERY_STEP :]
