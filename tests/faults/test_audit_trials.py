"""Damage at random: every kind is called by its name, nothing good is touched, and all is mended.

A trial is one seed: it damages a few of the installed files, each in a way of its own, audits them
beside good ones, repairs, and looks at every byte. `TRIALS=1000 FILES=200` is the full measure.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.api import Registry
from registry.domain.audit import FindingKind
from registry.domain.install import Install
from registry.domain.pieces import PIECE_BYTES
from registry.settings import Settings
from tests.faults.machine import sha256_of
from tests.servers.model_server import ModelServer

FILES = int(os.environ.get("FILES", "12"))  # noqa: TID251 -- how thorough to be is no setting
TRIALS = int(os.environ.get("TRIALS", "40"))  # noqa: TID251 -- as above
FIRST_SEED = int(os.environ.get("FIRST_SEED", "0"))  # noqa: TID251 -- as above
SIZE_BYTES = 10_000_000
pytestmark = pytest.mark.slow


def model(metadata: dict[str, str], tensors: bytes) -> bytes:
    header = json.dumps(
        {
            "__metadata__": metadata,
            "lora_up.weight": {
                "dtype": "U8",
                "shape": [len(tensors)],
                "data_offsets": [0, len(tensors)],
            },
        }
    ).encode()
    return len(header).to_bytes(8, "little") + header + tensors


@dataclass(frozen=True)
class Subject:
    """One installed file: how it was, and who serves it."""

    install: Install
    content: bytes
    served_as: str


class Place:
    """A home with many files, a UI, and a server that has them all."""

    def __init__(self, folder: Path, template: Path, server: ModelServer) -> None:
        self.server = server
        self.home, self.ui = folder / "home", folder / "comfy"
        shutil.copytree(template, self.home)
        self.ui.mkdir()
        self.registry = Registry(
            Settings(home=self.home, durable=False, uis=(("comfyui", self.ui),))
        )
        self.subjects = [self._installed(number) for number in range(FILES)]
        self.mine = self.ui / "models" / "loras" / "mine.safetensors"
        self.mine.write_bytes(b"the user's own work")

    def _installed(self, number: int) -> Subject:
        tensors = random.Random(number).randbytes(SIZE_BYTES)
        content = model({"title": f"model {number}"}, tensors)
        name = f"model-{number}.safetensors"
        url = self.server.serve(name, content)
        plan = self.registry.plan_install(url, sha256=sha256_of(content), type="lora")
        (done,) = self.registry.install(plan).files
        return Subject(done.install, content, name)

    def blob(self, subject: Subject) -> Path:
        return self.registry.rooms.store.path_of(subject.install.sha256)

    def now(self, subject: Subject) -> Install:
        """The record as it is now: its links may have new names."""
        return self.registry.installed(subject.install.sha256)[0]

    def look(self, subject: Subject) -> None:
        """Bytes and names are as they must be."""
        assert self.blob(subject).read_bytes() == subject.content
        links = self.now(subject).links
        assert len(links) == len(subject.install.links)
        assert all(link.path.read_bytes() == subject.content for link in links)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Place]:
    with ModelServer() as server:
        yield Place(tmp_path_factory.mktemp("trials"), template, server)


# ── ways to damage a file; each says what it must be called, and which pieces it costs ────────────

Expected = tuple[FindingKind, set[int]]


def writable(path: Path) -> Path:
    path.chmod(0o644)
    return path


def count(content: bytes) -> int:
    return -(-len(content) // PIECE_BYTES)


def flipped(place: Place, subject: Subject, dice: random.Random) -> Expected:
    pieces = set(dice.sample(range(count(subject.content)), dice.randint(1, 2)))
    with writable(place.blob(subject)).open("r+b") as file:
        for piece in pieces:
            end = min((piece + 1) * PIECE_BYTES, len(subject.content))
            at = dice.randrange(piece * PIECE_BYTES, end)
            file.seek(at)
            file.write(bytes([subject.content[at] ^ (1 << dice.randrange(8))]))
    return FindingKind.ROT, pieces


def cut(place: Place, subject: Subject, dice: random.Random) -> Expected:
    at = dice.randrange(len(subject.content))
    os.truncate(writable(place.blob(subject)), at)
    return FindingKind.ROT, set(range(at // PIECE_BYTES, count(subject.content)))


def zeroed(place: Place, subject: Subject, dice: random.Random) -> Expected:
    at = dice.randrange(len(subject.content) - 1000)
    with writable(place.blob(subject)).open("r+b") as file:
        file.seek(at)
        file.write(bytes(len(subject.content) - at))
    return FindingKind.ROT, set(range(at // PIECE_BYTES, count(subject.content)))


def grown(place: Place, subject: Subject, dice: random.Random) -> Expected:
    with writable(place.blob(subject)).open("ab") as file:
        file.write(dice.randbytes(dice.randint(1, 5_000_000)))
    return FindingKind.ROT, {count(subject.content) - 1}


def deleted(place: Place, subject: Subject, dice: random.Random) -> Expected:
    """With every name that leads to it, so that nothing on this disk has the bytes."""
    for path in (place.blob(subject), *(link.path for link in place.now(subject).links)):
        path.unlink()
    return FindingKind.MISSING, set(range(count(subject.content)))


def deleted_but_for_a_link(place: Place, subject: Subject, dice: random.Random) -> Expected:
    place.blob(subject).unlink()
    return FindingKind.MISSING, set()


def edited(place: Place, subject: Subject, dice: random.Random) -> Expected:
    words = {"title": "x" * dice.randint(0, 500), "note": "edited"}
    new = model(words, subject.content[-SIZE_BYTES:])
    writable(place.blob(subject)).write_bytes(new)
    return FindingKind.EDITED, set()


def moved(place: Place, subject: Subject, dice: random.Random) -> Expected:
    for link in place.now(subject).links:
        link.path.unlink()
    folder = dice.choice([place.ui / "models" / "old", place.home / "library" / "old"])
    folder.mkdir(exist_ok=True)
    place.blob(subject).rename(folder / f"{dice.random()}.safetensors")
    return FindingKind.MOVED, set()


DAMAGES: tuple[Callable[[Place, Subject, random.Random], Expected], ...] = (
    flipped,
    cut,
    zeroed,
    grown,
    deleted,
    deleted_but_for_a_link,
    edited,
    moved,
)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + TRIALS))
def test_a_trial(place: Place, seed: int) -> None:
    dice = random.Random(seed)
    chosen = dice.sample(place.subjects, min(len(place.subjects), dice.randint(2, 6)))
    hurt = chosen[: dice.randint(1, len(chosen))]
    sent = {subject.served_as: place.server.sent_bytes(subject.served_as) for subject in chosen}
    expected = {
        subject.install.sha256: dice.choice(DAMAGES)(place, subject, dice) for subject in hurt
    }
    names = [subject.install.sha256 for subject in chosen]

    report = place.registry.audit(names if seed % 25 else ())

    found = {
        finding.sha256: finding
        for finding in report.findings
        if finding.path.name == finding.sha256
    }
    assert {sha256: finding.kind for sha256, finding in found.items()} == {
        sha256: kind for sha256, (kind, _) in expected.items()
    }
    for sha256, (kind, pieces) in expected.items():
        if kind is FindingKind.ROT:
            assert set(found[sha256].pieces) == pieces
    assert {finding.sha256 for finding in report.findings} == set(expected)

    done = place.registry.repair(names, undo_edit=lambda _finding: True)

    assert done.failed == ()
    for subject in chosen:
        place.look(subject)
        _, pieces = expected.get(subject.install.sha256, (None, set()))
        fetched = place.server.sent_bytes(subject.served_as) - sent[subject.served_as]
        # One piece more than is damaged, as it was asked for; in truth none.
        assert fetched <= len(pieces) * PIECE_BYTES
    assert place.mine.read_bytes() == b"the user's own work"
    assert place.registry.audit(names).findings == ()
    shutil.rmtree(place.home / "quarantine", ignore_errors=True)
    for folder in (place.ui / "models" / "old", place.home / "library" / "old"):
        shutil.rmtree(folder, ignore_errors=True)


# ── whole roots, links, and what a disk refuses ───────────────────────────────────────────────────


def kinds(report) -> set[FindingKind]:
    return {finding.kind for finding in report.findings}


def test_row_67_a_store_whose_drive_is_gone_is_unavailable_and_nothing_is_repaired(
    place: Place,
) -> None:
    blobs, aside = place.home / "blobs", place.home / "away"
    blobs.rename(aside)
    blobs.mkdir()  # the empty mount point
    sent = place.server.sent_bytes(place.subjects[0].served_as)
    name = place.subjects[0].install.sha256
    try:
        assert kinds(place.registry.audit([name])) == {FindingKind.UNAVAILABLE}
        done = place.registry.repair([name])
        assert done.mended == ()
        assert [each.finding.kind for each in done.failed] == [FindingKind.UNAVAILABLE]
    finally:
        shutil.rmtree(blobs)
        aside.rename(blobs)
    assert place.server.sent_bytes(place.subjects[0].served_as) == sent
    assert place.registry.audit([name]).findings == ()


def test_row_67_a_ui_whose_drive_is_gone_is_unavailable(place: Place) -> None:
    aside = place.ui.with_name("away")
    place.ui.rename(aside)
    name = place.subjects[0].install.sha256
    try:
        report = place.registry.audit([name])
        assert kinds(report) == {FindingKind.UNAVAILABLE}
        assert all(finding.path.is_relative_to(place.ui) for finding in report.findings)
    finally:
        aside.rename(place.ui)
    assert place.registry.audit([name]).findings == ()


def test_a_link_that_somebody_renamed_is_followed(place: Place) -> None:
    subject = place.subjects[0]
    link = next(a for a in place.now(subject).links if a.path.is_relative_to(place.ui))
    renamed = link.path.with_name("my favourite.safetensors")
    link.path.rename(renamed)

    report = place.registry.audit([subject.install.sha256])
    (finding,) = report.findings
    assert (finding.kind, finding.elsewhere) == (FindingKind.MOVED, renamed)

    place.registry.repair([subject.install.sha256])

    assert not link.path.exists()
    assert renamed in {each.path for each in place.now(subject).links}
    assert place.registry.audit([subject.install.sha256]).findings == ()


def test_row_68_a_link_whose_metadata_a_program_edited_is_edited_and_stays_unless_asked(
    place: Place,
) -> None:
    subject = place.subjects[1]
    link = next(a for a in place.now(subject).links if a.path.is_relative_to(place.ui))
    new = model({"title": "by a program"}, subject.content[-SIZE_BYTES:])
    link.path.unlink()
    link.path.write_bytes(new)

    (finding,) = place.registry.audit([subject.install.sha256]).findings
    assert (finding.kind, finding.path) == (FindingKind.EDITED, link.path)

    (left,) = place.registry.repair([subject.install.sha256]).failed
    assert left.finding.kind is FindingKind.EDITED
    assert link.path.read_bytes() == new

    place.registry.repair([subject.install.sha256], undo_edit=lambda _finding: True)
    place.look(subject)


def test_a_file_of_somebody_else_in_the_place_of_a_link_is_foreign_and_stays(place: Place) -> None:
    subject = place.subjects[2]
    link = next(a for a in place.now(subject).links if a.path.is_relative_to(place.ui))
    link.path.unlink()
    link.path.write_bytes(b"a drawing")

    (finding,) = place.registry.audit([subject.install.sha256]).findings
    assert finding.kind is FindingKind.FOREIGN_FILE
    (left,) = place.registry.repair([subject.install.sha256]).failed
    assert left.finding.kind is FindingKind.FOREIGN_FILE
    assert link.path.read_bytes() == b"a drawing"

    link.path.unlink()
    place.registry.repair([subject.install.sha256])
    place.look(subject)
