"""Rows 47 to 56: disks that are full, short, slow to promise, read-only or broken."""

import itertools
import shutil
import subprocess
import sys

import pytest

from tests.faults.disks import Apart
from tests.faults.machine import MIB, Machine, noise, sha256_of, under, wait_until
from tests.faults.under import is_known

BIG = noise(24 * MIB)
SMALL = noise(MIB, seed=3)
needs_filters = pytest.mark.skipif(not is_known(), reason="no filter of system calls here")


def seen(machine, apart):
    """The same machine as it looks inside a name space."""
    inside = Machine(apart.seen(machine.folder), machine.server, machine.filled)
    assert inside.environment["SDREG_HOME"] != machine.environment["SDREG_HOME"]
    return inside


def test_row_47_what_does_not_fit_is_refused_before_any_byte(machine):
    with Apart() as apart:
        apart.small(machine.home, "size=12m")
        words = machine.wanting(BIG, rate=MIB)

        error = machine(*words, before=apart.enter, expect=6)

        assert error["code"] == "not-enough-space"
        assert f"{len(BIG):,} are needed" in error["message"]
        assert machine.server.sent_bytes("noise.safetensors") < 2 * MIB, (
            "no more than was on its way"
        )
        assert seen(machine, apart).unfinished() == []
        assert machine(*machine.wanting(SMALL, "s.safetensors"), before=apart.enter)["files"]


@needs_filters
def test_row_48_a_disk_that_fills_up_midway_keeps_the_part_and_goes_on(machine):
    with Apart() as apart:
        apart.small(machine.home, "size=40m")
        inside = seen(machine, apart)
        words = machine.wanting(BIG, rate=8 * MIB)
        # Without preallocation, or the room would be ours from the beginning.
        process = machine.start(*words, before=(*apart.enter, *under("fallocate=EOPNOTSUPP")))
        inside.wait_for_pieces(process)
        fill(inside.home / "ballast")
        out, err = process.communicate(timeout=60)
        kept = inside.pieces_done()
        (inside.home / "ballast").unlink()
        machine.server.change("noise.safetensors", rate=None)
        before = machine.server.sent_bytes("noise.safetensors")

        done = machine(*words, before=apart.enter)["files"][0]

        assert process.returncode == 6, out + err
        assert "bytes free, but" in err
        assert "Traceback" not in err
        assert kept >= 1
        assert machine.server.sent_bytes("noise.safetensors") - before <= len(BIG) - kept * 4 * MIB
        assert done["proven"]
        assert sha256_of(inside.blobs()[0].read_bytes()) == sha256_of(BIG)


def write_for_ever(file, block):
    while True:
        file.write(bytes(block))


def fill(path):
    with path.open("wb", buffering=0) as ballast:
        for block in (MIB, 4096, 1):
            with pytest.raises(OSError, match="No space left"):
                write_for_ever(ballast, block)


@needs_filters
@pytest.mark.parametrize("error", ["EOPNOTSUPP", "ENOSYS", "EINVAL"])
def test_row_49_without_preallocation_the_part_is_sparse(machine, error):
    words = machine.wanting(BIG, rate=4 * MIB)
    process = machine.start(*words, before=under(f"fallocate={error}"))
    part = machine.home / "partial" / f"{sha256_of(BIG)}.part"
    wait_until(lambda: part.exists() and part.stat().st_size == len(BIG), process)
    allocated = part.stat().st_blocks * 512
    machine.server.change("noise.safetensors", rate=None)
    process.communicate(timeout=60)

    assert allocated < len(BIG) // 2, "every block was written to reserve it"
    assert process.returncode == 0
    machine.look(BIG, finished=True)


def test_row_50_a_file_system_with_short_files_says_so_before_any_byte(machine):
    # As FAT does at 4 GiB: the system refuses the length, however much room there is.
    words = machine.wanting(BIG, rate=MIB)

    error = machine(*words, before=under(f"fsize={16 * MIB}"), expect=6)

    assert error["code"] == "store-unwritable"
    assert "cannot hold a file of this length" in error["message"]
    assert machine.server.sent_bytes("noise.safetensors") < 2 * MIB
    machine.look(finished=False)
    machine.server.change("noise.safetensors", rate=None)
    assert machine.run(*words).code == 0
    machine.look(BIG, finished=True)


COPY = """
import sys
from pathlib import Path
from registry.domain.install import Blob, LinkMethod
from registry.errors import StoreError
from registry.store import links
stored, place = map(Path, sys.argv[1:])
blob = Blob(stored.name, stored, stored.stat().st_size)
try:
    links.link(blob, place, layout="stick", methods=(LinkMethod.COPY,))
except StoreError as error:
    print(error.code, place.parent.stat().st_size, error)
"""


def test_row_50_a_copy_for_such_a_file_system_is_refused_before_it_is_made(machine):
    assert machine.run(*machine.wanting(BIG)).code == 0
    place = machine.folder / "stick" / "noise.safetensors"

    ended = subprocess.run(
        [*under(f"fsize={16 * MIB}"), sys.executable, "-c", COPY, machine.blobs()[0], place],
        env=machine.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.startswith("link-refused ")
    assert "cannot hold a file of this length" in ended.stdout
    assert list(place.parent.iterdir()) == []


@needs_filters
@pytest.mark.parametrize("call", ["fsync", "fdatasync"])
def test_row_51_a_failed_sync_is_told_and_its_bytes_are_never_trusted(machine, call):
    words = machine.wanting(BIG)

    failed = machine.run(*words, before=under(f"{call}=EIO"))

    assert failed.code in {6, 11}
    assert failed.err.count("sdreg: ") == 1
    assert machine.finals() == machine.blobs() == []
    machine.look(finished=False)
    sent = machine.server.sent_bytes("noise.safetensors")
    assert machine.run(*words).code == 0
    machine.look(BIG, finished=True)
    assert machine.server.sent_bytes("noise.safetensors") - sent in {0, len(BIG)}


def test_row_53_a_read_only_disk_lets_you_look_and_refuses_to_install(machine):
    with Apart() as apart:
        assert machine.run(*machine.wanting(SMALL)).code == 0
        apart.mount("--bind", machine.home, machine.home)
        apart.mount("-o", "remount,ro,bind", machine.home)

        shown = machine.run("list", "--installed", before=apart.enter)
        other = machine.wanting(BIG, "big.safetensors")
        error = machine(*other, before=apart.enter, expect=None)

        assert shown.code == 0
        assert error["code"] in {"store-unwritable", "catalog-damaged"}
        assert "ead-only" in error["message"]
        assert error["hint"]
    assert machine.run(*other).code == 0
    machine.look(SMALL, BIG, finished=True)


@pytest.mark.parametrize("folder", ["partial", "blobs", "library"])
def test_row_53_a_folder_without_permission_is_named(machine, folder):
    made = machine.home / folder
    made.mkdir(exist_ok=True)
    made.chmod(0o555)
    words = machine.wanting(SMALL)
    ended = machine.run(*words, before=under("drop=1", "drop=2"))  # the rights of root over files
    made.chmod(0o755)

    if folder == "library":
        assert ended.code == 0
        assert "not linked into library" in ended.out
    else:
        assert ended.code == 6
        assert str(made) in ended.err
        assert "Permission denied" in ended.err
    assert machine.run(*words).code == 0
    machine.look(SMALL, finished=True)


def test_row_53_a_folder_that_is_immutable_is_named(machine):
    with Apart(images=True) as apart:
        apart.image(machine.uis["comfyui"], ("mkfs.ext4", "-q"), 8 * MIB)
        inside = seen(machine, apart).uis["comfyui"]
        (inside / "models").mkdir()
        if shutil.which("chattr") is None:
            pytest.skip("chattr is not here")
        subprocess.run(
            [*apart.enter, "chattr", "+i", machine.uis["comfyui"] / "models"], check=True
        )

        ended = machine.run(*machine.wanting(SMALL), before=apart.enter)

        assert ended.code == 0
        assert "not linked into comfyui" in ended.out
        assert "Operation not permitted" in ended.out
        subprocess.run(
            [*apart.enter, "chattr", "-i", machine.uis["comfyui"] / "models"], check=True
        )
        assert machine.run("link", before=apart.enter).code == 0
        assert (inside / "models" / "loras" / "noise.safetensors").read_bytes() == SMALL


@needs_filters
def test_row_54_a_quota_is_told_like_a_full_disk(machine):
    words = machine.wanting(BIG, rate=MIB)

    error = machine(*words, before=under("fallocate=EDQUOT"), expect=6)

    assert error["code"] == "not-enough-space"
    assert machine.server.sent_bytes("noise.safetensors") < 2 * MIB
    machine.server.change("noise.safetensors", rate=None)
    assert machine.run(*words).code == 0
    machine.look(BIG, finished=True)


@pytest.mark.parametrize("limit", [14, 19, 24])
def test_row_55_too_many_open_files_is_an_error_of_ours(machine, limit):
    words = machine.wanting(BIG)

    ended = machine.run(*words, before=under(f"nofile={limit}"))

    assert ended.code in {0, 4, 5, 6, 11}, ended
    assert ended.code == 0 or ended.err.count("sdreg: ") == 1
    machine.look(BIG, finished=ended.code == 0)
    assert machine.run(*words).code == 0
    machine.look(BIG, finished=True)


@pytest.mark.parametrize("spare", [0, 5])
def test_row_56_a_disk_without_inodes_says_what_is_missing(machine, spare):
    with Apart() as apart:
        apart.small(machine.home, "size=60m,nr_inodes=40")
        inside = seen(machine, apart)
        words = machine.wanting(SMALL)
        litter = inside.home / "litter"
        use_up_inodes(litter, spare)

        error = machine(*words, before=apart.enter, expect=6)

        assert "no room for one more file" in error["message"], error
        shutil.rmtree(litter)
        assert machine(*words, before=apart.enter)["files"][0]["proven"]
        assert machine(*words, before=apart.enter)["files"][0]["status"] == "already-installed"
        assert inside.unfinished() == []


def use_up_inodes(folder, spare):
    """Make files until the disk has no inode left, then give some back."""
    folder.mkdir()
    with pytest.raises(OSError, match="No space left"):
        touch_for_ever(folder)
    for path in list(folder.iterdir())[:spare]:
        path.unlink()


def touch_for_ever(folder):
    for number in itertools.count():
        (folder / str(number)).touch()
