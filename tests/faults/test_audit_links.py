"""Audits and repairs where names are copies or symbolic links, and where others move meanwhile."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from registry.api import Registry
from registry.domain.audit import FindingKind
from registry.domain.install import Install, LinkMethod
from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress
from registry.operations.collect import WasteKind, find_waste, throw_away
from registry.operations.repair import repair
from registry.settings import Settings
from registry.store.links import link
from tests.faults.household import MIB, sha256_of, weights
from tests.servers.model_server import ModelServer, Trouble
from tests.transfer.bench import Heard

SIZE = 9 * MIB
NAME = "noise.safetensors"


class Owner:
    """Somebody with one installed file, and names of one kind that lead to it."""

    def __init__(self, folder: Path, template: Path, server: ModelServer) -> None:
        self.content = weights(SIZE)
        self.server = server
        self.home, self.ui = folder / "home", folder / "comfy"
        shutil.copytree(template, self.home)
        self.ui.mkdir()
        self.registry = Registry(
            Settings(
                home=self.home,
                durable=False,
                civitai_url=server.address,
                hf_endpoint=server.address,
                uis=(("comfyui", self.ui),),
            )
        )
        url = server.serve(NAME, self.content)
        self.sha256 = sha256_of(self.content)
        self.registry.install(self.registry.plan_install(url, sha256=self.sha256, type="lora"))

    @property
    def install(self) -> Install:
        (install,) = self.registry.installed(self.sha256)
        return install

    @property
    def blob(self) -> Path:
        return self.registry.rooms.store.path_of(self.sha256)

    @property
    def part(self) -> Path:
        return self.home / "partial" / f"{self.sha256}.repair"

    @property
    def beside(self) -> Path:
        return self.blob.with_name(f"{self.sha256}.json")

    @property
    def name(self) -> Path:
        """The name in the UI's folder."""
        return next(each.path for each in self.install.links if each.layout == "comfyui")

    @property
    def aside(self) -> list[Path]:
        return list(self.registry.rooms.store.quarantined())

    def link_by(self, method: LinkMethod) -> None:
        """Make every name anew."""
        install = self.install
        blob = self.registry.rooms.store.blob(install.sha256)
        for old in install.links:
            old.path.unlink()
            made = link(blob, old.path, layout=old.layout, methods=(method,))
            self.registry.catalog.installs.add_links(install.id, [made])

    def spoil(self, path: Path, at: int = 5 * MIB) -> None:
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([self.content[at] ^ 1]))

    def found(self) -> dict[Path, FindingKind]:
        findings = self.registry.audit([self.install.sha256]).findings
        return {finding.path: finding.kind for finding in findings}

    def look(self) -> None:
        assert self.blob.read_bytes() == self.content
        assert all(each.path.read_bytes() == self.content for each in self.install.links)
        assert self.found() == {}


@pytest.fixture
def owner(tmp_path, template, server):
    return Owner(tmp_path, template, server)


# ── copies ────────────────────────────────────────────────────────────────────────────────────────


def test_good_copies_are_not_called_foreign_because_the_stored_file_was_cut(owner):
    owner.link_by(LinkMethod.COPY)
    owner.blob.chmod(0o644)
    os.truncate(owner.blob, SIZE // 2)

    assert owner.found() == {owner.blob: FindingKind.ROT}


def test_good_copies_stay_where_they_are_when_the_stored_file_is_mended(owner):
    owner.link_by(LinkMethod.COPY)
    copies = {each.path: each.path.stat().st_ino for each in owner.install.links}
    owner.spoil(owner.blob)

    done = owner.registry.repair([owner.sha256])

    assert done.failed == ()
    assert {path: path.stat().st_ino for path in copies} == copies
    assert [path.name for path in owner.aside] == [owner.blob.name]
    owner.look()


def test_a_damaged_copy_is_set_aside_and_made_again(owner):
    owner.link_by(LinkMethod.COPY)
    owner.spoil(owner.name)
    assert owner.found() == {owner.name: FindingKind.ROT}

    assert owner.registry.repair([owner.sha256]).failed == ()

    assert len(owner.aside) == 1
    owner.look()


def test_another_model_of_the_same_length_in_the_place_of_a_copy_is_the_users(owner):
    owner.link_by(LinkMethod.COPY)
    owner.name.unlink()
    owner.name.write_bytes(mine := weights(SIZE, seed=2))

    assert owner.found() == {owner.name: FindingKind.FOREIGN_FILE}
    (left,) = owner.registry.repair([owner.sha256]).failed

    assert left.finding.kind is FindingKind.FOREIGN_FILE
    assert owner.name.read_bytes() == mine
    assert owner.aside == []


def test_what_is_put_in_the_place_of_a_damaged_copy_meanwhile_stays(owner):
    owner.link_by(LinkMethod.COPY)
    owner.spoil(owner.name)
    checked = owner.registry.audit([owner.sha256]).checked
    owner.name.unlink()
    owner.name.write_bytes(b"a drawing")

    repair(checked, owner.registry.rooms, Progress())

    assert owner.name.read_bytes() == b"a drawing"
    assert owner.aside == []


def test_an_equal_file_of_the_users_is_not_taken_for_a_copy_that_moved(owner):
    owner.link_by(LinkMethod.COPY)
    mine = owner.name.with_name("mine.safetensors")
    mine.write_bytes(owner.content)
    owner.name.unlink()

    gone = owner.name
    assert owner.found() == {gone: FindingKind.MISSING}
    owner.registry.repair([owner.sha256])
    owner.look()
    owner.registry.remove(owner.sha256)

    assert mine.read_bytes() == owner.content


@pytest.mark.parametrize("size", [SIZE, SIZE + 2])
def test_a_stranger_is_read_as_fast_as_may_be_and_only_if_it_may_be_ours(owner, size):
    owner.name.unlink()
    owner.name.write_bytes(weights(size, seed=2))

    report = owner.registry.audit()

    assert [each.kind for each in report.findings] == [FindingKind.FOREIGN_FILE]
    assert report.read_bytes == len(owner.content) * (2 if size == SIZE else 1)


def test_a_copy_of_ours_that_somebody_renamed_is_followed(owner):
    owner.link_by(LinkMethod.COPY)
    owner.name.rename(renamed := owner.name.with_name("my favourite.safetensors"))

    assert set(owner.found().values()) == {FindingKind.MOVED}
    assert owner.registry.repair([owner.sha256]).failed == ()

    assert renamed in {each.path for each in owner.install.links}
    owner.look()


# ── symbolic links ────────────────────────────────────────────────────────────────────────────────


def test_symbolic_links_lead_on_when_a_lost_file_is_brought_back(owner):
    owner.link_by(LinkMethod.SYMLINK)
    owner.blob.unlink()

    done = owner.registry.repair([owner.sha256])

    assert done.failed == ()
    assert len(done.mended) == 1
    assert owner.registry.catalog.audits.latest_findings() == ()
    owner.look()


def test_symbolic_links_to_a_drive_that_is_gone_are_no_broken_links(owner):
    owner.link_by(LinkMethod.SYMLINK)
    blobs = owner.home / "blobs"
    blobs.rename(aside := owner.home / "away")
    try:
        blobs.mkdir()
        assert owner.found() == {owner.blob: FindingKind.UNAVAILABLE}
        blobs.rmdir()
        assert owner.found() == {owner.blob: FindingKind.UNAVAILABLE}
    finally:
        aside.rename(blobs)
    owner.look()


def test_what_a_repair_did_not_come_to_stays_known_to_be_bad(owner):
    owner.name.unlink()
    (owner.name.parent / "other").write_bytes(b"so that the folder is not empty")
    blobs = owner.home / "blobs"
    blobs.rename(aside := owner.home / "away")
    blobs.mkdir()
    try:
        owner.registry.repair([owner.sha256])
        found = {each.path for each in owner.registry.catalog.audits.latest_findings()}
    finally:
        blobs.rmdir()
        aside.rename(blobs)

    assert found == {owner.blob, owner.name}


def test_two_lost_names_do_not_both_become_the_one_that_is_found(owner):
    first, *others = [each.path for each in owner.install.links]
    renamed = owner.ui / "models" / "loras" / "renamed.safetensors"
    first.rename(renamed)
    for path in others:
        path.unlink()

    owner.registry.repair([owner.sha256])

    assert len(owner.install.links) == 1 + len(others)
    owner.look()


def test_a_name_that_cannot_be_made_again_keeps_no_other_from_it(owner):
    twin = owner.name.with_name(NAME.upper())
    twin.write_bytes(b"a drawing")
    owner.spoil(owner.blob)

    done = owner.registry.repair([owner.sha256])

    assert [each.finding.path for each in done.failed] == [owner.name]
    assert len(done.mended) == 1
    assert owner.blob.read_bytes() == owner.content
    others = [each.path for each in owner.install.links if each.path != owner.name]
    assert others
    assert all(path.read_bytes() == owner.content for path in others)
    twin.unlink()
    owner.registry.repair([owner.sha256])
    owner.look()


# ── others at the same time ───────────────────────────────────────────────────────────────────────


def test_what_was_removed_since_it_was_checked_does_not_come_back(owner):
    owner.spoil(owner.blob)
    checked = owner.registry.audit([owner.sha256]).checked
    names = [each.path for each in owner.install.links]
    owner.registry.remove(owner.sha256)

    done = repair(checked, owner.registry.rooms, Progress())

    assert (done.mended, done.failed) == ((), ())
    assert not owner.blob.exists()
    assert not any(path.exists() for path in names)


def test_what_was_mended_since_it_was_checked_is_left_alone(owner):
    owner.spoil(owner.blob)
    checked = owner.registry.audit([owner.sha256]).checked
    owner.registry.repair([owner.sha256])
    inode = owner.blob.stat().st_ino

    done = repair(checked, owner.registry.rooms, Progress())

    assert (done.mended, done.failed) == ((), ())
    assert owner.blob.stat().st_ino == inode
    assert len(owner.aside) == 1


def test_a_name_that_moved_on_since_it_was_found_is_told(owner):
    owner.name.rename(renamed := owner.name.with_name("renamed.safetensors"))
    checked = owner.registry.audit([owner.sha256]).checked
    renamed.unlink()

    done = repair(checked, owner.registry.rooms, Progress())

    assert [each.finding.kind for each in done.failed] == [FindingKind.MOVED]
    assert owner.registry.repair([owner.sha256]).failed == ()
    owner.look()


def test_a_pipe_in_the_place_of_a_name_is_not_waited_for(owner):
    for path in (owner.blob, *(each.path for each in owner.install.links)):
        path.unlink()
    os.mkfifo(owner.name)

    owner.registry.repair([owner.sha256])

    assert owner.blob.read_bytes() == owner.content
    assert owner.name.is_fifo()


@pytest.mark.skipif(sys.platform != "linux", reason="names are letters there")
def test_a_name_in_no_known_letters_stops_no_audit(owner):
    owner.name.rename(owner.name.with_name(os.fsdecode(b"\xff.safetensors")))

    assert owner.found() == {owner.name: FindingKind.MISSING}
    assert owner.registry.repair([owner.sha256]).failed == ()

    owner.look()
    for each in owner.install.links:
        each.path.unlink()
    owner.blob.unlink()
    assert set(owner.found().values()) == {FindingKind.MISSING}
    (done,) = owner.registry.repair([owner.sha256]).mended
    assert done.fetched_bytes == 0
    owner.look()


# ── what an earlier repair left ───────────────────────────────────────────────────────────────────


def test_what_a_repair_fetched_before_its_source_died_is_not_fetched_again(owner):
    owner.spoil(owner.blob, 1 * MIB)
    owner.spoil(owner.blob, SIZE - 100)
    owner.server.serve(NAME, owner.content, troubles=(Trouble(404, after=1),))
    assert len(owner.registry.repair([owner.sha256]).failed) == 1
    sent = owner.server.sent_bytes(NAME)
    assert sent >= PIECE_BYTES

    owner.server.serve(NAME, owner.content)
    assert owner.registry.repair([owner.sha256]).failed == ()

    assert owner.server.sent_bytes(NAME) < PIECE_BYTES
    assert not owner.part.exists()
    owner.look()


def test_the_wrong_bytes_of_a_source_are_kept_once_however_often_it_is_asked(owner):
    owner.spoil(owner.blob)
    owner.server.serve(NAME, weights(SIZE, seed=9))

    for _ in range(2):
        (left,) = owner.registry.repair([owner.sha256]).failed
        assert "disputed" in left.because

    assert len(owner.aside) == 1


def test_what_no_repair_goes_on_with_is_thrown_away_after_a_while(owner):
    owner.part.write_bytes(b"half of a file")
    rooms = owner.registry.rooms
    assert find_waste(rooms) == ()
    os.utime(owner.part, (0, 0))

    (waste,) = find_waste(rooms)

    assert (waste.kind, waste.path) == (WasteKind.PART, owner.part)
    assert throw_away(waste, rooms)
    assert not owner.part.exists()


# ── what lies beside a stored file ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_damaged", [True, False])
def test_what_a_rebuild_needs_is_written_again_when_it_was_lost(owner, is_damaged):
    before = owner.registry.rooms.store.record(owner.sha256)
    owner.beside.unlink()
    if is_damaged:
        owner.spoil(owner.blob)
        assert owner.registry.repair([owner.sha256]).failed == ()
    owner.look()

    after = owner.registry.rooms.store.record(owner.sha256)
    assert after.facts | {"installed_at": ""} == before.facts | {"installed_at": ""}
    assert after.further == before.further == ()
    assert (after.pieces, after.header) == (before.pieces, before.header)


def test_what_cannot_be_kept_beside_a_file_stops_no_audit(owner):
    owner.beside.unlink()
    owner.beside.mkdir()
    heard = Heard()

    report = owner.registry.audit(progress=heard)

    assert (report.findings, report.run.checked) == ((), 1)
    assert any("is not kept" in line for line in heard.lines)


# ── drives within a folder of a UI ────────────────────────────────────────────────────────────────


def test_an_empty_mount_point_inside_a_ui_is_a_drive_that_is_gone(owner):
    models = owner.ui / "models"
    models.rename(aside := owner.home.parent / "away")
    models.mkdir()
    (owner.ui / "main.py").touch()

    (path,) = owner.found()
    assert owner.found() == {path: FindingKind.UNAVAILABLE}
    (left,) = owner.registry.repair([owner.sha256]).failed
    assert left.finding.kind is FindingKind.UNAVAILABLE
    assert list(models.iterdir()) == []

    models.rmdir()
    aside.rename(models)
    owner.look()
