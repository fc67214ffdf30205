"""Audits: what is read in which order, what stops them, and what they leave for the next time."""

import errno
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from registry.api import Registry
from registry.audit.budget import Budget, Subset
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.domain.audit import Ending, FindingKind
from registry.domain.install import LinkMethod
from registry.domain.progress import Progress
from registry.errors import AuditRunning
from registry.operations import audit as auditing
from registry.operations.audit import AuditWish, Clockwork, alone, audit
from registry.settings import Settings

COUNT = 6
SIZE = 400_000


@pytest.fixture
def hub(tmp_path):
    hosted = []
    for number in range(COUNT):
        path = tmp_path / f"noise-{number}.safetensors"
        write_safetensors(path, {"noise": np.full(SIZE // 4, number, dtype=np.float32)})
        numbers = (901 + 10 * number, 902 + 10 * number, 903 + 10 * number)
        hosted.append(HostedFile(path, path.name, civitai=numbers, type="LORA"))
    with EmbeddedHub(hosted) as hub:
        yield hub


@pytest.fixture
def registry(tmp_path, hub):
    (tmp_path / "comfy").mkdir()
    registry = Registry(
        Settings(
            home=tmp_path / "home",
            civitai_url=hub.address,
            hf_endpoint=hub.address,
            uis=(("comfyui", tmp_path / "comfy"),),
        )
    )
    for number in range(COUNT):
        registry.install(f"civitai:{901 + 10 * number}")
    return registry


class Time:
    """A clock that passes only when somebody rests or reads."""

    def __init__(self):
        self.now_s = 1000.0

    def rest(self, seconds):
        self.now_s += seconds

    @property
    def clockwork(self):
        return Clockwork(lambda: self.now_s, self.rest)


class Reading(Progress):
    """Hears which files are read, in order."""

    def __init__(self):
        self.names = []

    def begin(self, what, total_bytes, done_bytes=0):
        self.names.append(what)


def run(registry, wish=None, *, time=None, heard=None):
    time = time or Time()
    return audit(
        registry.installed(),
        wish or AuditWish(),
        registry.rooms,
        heard or Reading(),
        time.clockwork,
    )


def spoil(registry, number):
    (install,) = registry.installed(f"civitai-{901 + 10 * number}")
    path = registry.rooms.store.path_of(install.sha256)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return install


# ── order and budget ──────────────────────────────────────────────────────────────────────────────


def test_a_run_that_stops_at_its_bytes_goes_on_there_the_next_time(registry):
    wish = AuditWish(budget=Budget(max_bytes=2 * (SIZE + 1000)))
    seen, reports = [], []
    for _ in range(3):
        heard = Reading()
        reports.append(run(registry, wish, heard=heard))
        seen += heard.names

    assert sorted(seen) == sorted({install.file_name for install in registry.installed()})
    assert [report.run.ending for report in reports] == [
        Ending.BUDGET,
        Ending.BUDGET,
        Ending.BUDGET,
    ]
    assert [report.run.remaining for report in reports] == [4, 4, 4]


def test_a_file_that_is_larger_than_the_budget_is_read_when_it_comes_first(registry):
    report = run(registry, AuditWish(budget=Budget(max_bytes=10)))

    assert report.run.checked == 1


def test_the_time_limit_begins_no_further_file(registry):
    time = Time()
    wish = AuditWish(bytes_per_s=SIZE, budget=Budget(time_limit=timedelta(seconds=2.5)))

    report = run(registry, wish, time=time)

    assert report.run.checked == 3
    assert report.run.ending is Ending.BUDGET


def test_the_rate_holds_over_the_whole_run(registry):
    time = Time()

    report = run(registry, AuditWish(bytes_per_s=100_000), time=time)

    assert report.run.seconds == pytest.approx(report.read_bytes / 100_000, rel=0.01)


def test_what_is_known_to_be_bad_comes_first_once_in_a_round(registry):
    run(registry)
    install = spoil(registry, 4)
    run(registry)  # found
    first, second = Reading(), Reading()
    one = AuditWish(budget=Budget(max_bytes=1))

    run(registry, one, heard=first)
    run(registry, one, heard=second)

    assert first.names == [install.file_name]
    assert second.names != [install.file_name]


def test_due_is_what_was_not_found_right_for_so_long(registry):
    run(registry)
    spoil(registry, 2)
    wish = AuditWish(scope="due", due_after=timedelta(days=30))

    assert run(registry, wish).run.checked == 0
    run(registry)

    assert run(registry, wish).run.checked == 1  # the bad one


def test_every_file_is_in_one_part_of_the_whole(registry):
    names = []
    for part in range(1, 4):
        heard = Reading()
        run(registry, AuditWish(scope="subset", subset=Subset(part, 3)), heard=heard)
        names += heard.names

    assert sorted(names) == sorted(install.file_name for install in registry.installed())


# ── alone, interrupted, beside others ─────────────────────────────────────────────────────────────


def test_there_is_one_audit_at_a_time(registry, tmp_path):
    other = Registry(replace(registry.settings))
    with alone(other.rooms), pytest.raises(AuditRunning):
        run(registry)
    assert run(registry).run.ending is Ending.COMPLETE


def test_what_was_read_before_an_interruption_is_kept(registry):
    class Impatient(Reading):
        def begin(self, what, total_bytes, done_bytes=0):
            super().begin(what, total_bytes, done_bytes)
            if len(self.names) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(registry, heard=Impatient())

    (last, *_) = registry.catalog.audits.runs(limit=1)
    assert (last.ending, last.checked, last.remaining) == (Ending.INTERRUPTED, 2, 4)
    heard = Reading()
    run(registry, AuditWish(budget=Budget(max_bytes=4 * (SIZE + 1000))), heard=heard)
    assert len(heard.names) == 4
    assert registry.catalog.audits.checked_at().keys() == {
        install.sha256 for install in registry.installed()
    }


def test_a_model_that_is_removed_while_it_is_read_is_not_called_missing(registry):
    (gone,) = registry.installed("civitai-921")

    class Remover(Reading):
        def begin(self, what, total_bytes, done_bytes=0):
            super().begin(what, total_bytes, done_bytes)
            if what == gone.file_name:
                registry.remove("civitai-921")

    report = run(registry, heard=Remover())

    assert report.findings == ()
    assert report.run.checked == COUNT - 1


def test_a_file_that_several_models_share_is_read_once(registry, hub):
    (install,) = registry.installed("civitai-901")
    twin = replace(install, id=None, reference="my twin", file_name="twin.safetensors", links=())
    blob = registry.rooms.store.blob(install.sha256)
    registry.catalog.installs.complete(registry.catalog.installs.intend(twin), (), blob)

    report = run(registry)

    assert report.run.checked == COUNT
    (both,) = (item for item in report.checked if len(item.installs) == 2)
    assert {each.reference for each in both.installs} == {"civitai:901", "my twin"}


def test_a_busy_gpu_is_waited_for_as_long_as_the_limit_allows(registry, monkeypatch):
    busy = iter([90, 90, 5, 5, 5, 5, 5, 5, 5])
    monkeypatch.setattr(auditing, "busiest_percent", lambda: next(busy))
    time = Time()

    run(registry, AuditWish(yields_to_gpu=True), time=time)

    assert time.now_s - 1000.0 == pytest.approx(10.0)

    monkeypatch.setattr(auditing, "busiest_percent", lambda: 90)
    limit = Budget(time_limit=timedelta(seconds=60))
    report = run(registry, AuditWish(yields_to_gpu=True, budget=limit), time=time)
    assert (report.run.checked, report.run.ending) == (0, Ending.BUDGET)


# ── what it learns, and what it settles ───────────────────────────────────────────────────────────


def test_a_file_without_a_piece_map_gets_one_when_its_hash_is_right(registry):
    (install,) = registry.installed("civitai-901")
    store = registry.rooms.store
    beside = store.path_of(install.sha256)
    beside.with_name(beside.name + ".json").unlink()
    assert store.pieces(install.sha256) is None

    run(registry)

    record = store.record(install.sha256)
    assert record.pieces is not None
    assert record.header is not None
    install = spoil(registry, 0)
    (finding,) = run(registry).findings
    assert finding.pieces == (0,)


def test_what_is_right_again_is_settled(registry):
    (install,) = registry.installed("civitai-901")
    link = install.links[0].path
    aside = link.with_name("aside")
    link.rename(aside)
    aside.rename(registry.settings.home.parent / "aside")
    run(registry)
    assert [f.kind for f in registry.catalog.audits.latest_findings()] == [FindingKind.MISSING]

    (registry.settings.home.parent / "aside").rename(link)
    run(registry)

    assert registry.catalog.audits.latest_findings() == ()
    past = registry.catalog.audits.history({install.sha256}, limit=10)
    assert [each.settled_at is not None for each in past if each.finding.is_bad] == [True]


# ── repair ────────────────────────────────────────────────────────────────────────────────────────


def test_without_names_what_audits_found_is_mended_and_nothing_else_is_read(registry):
    spoil(registry, 3)
    run(registry)
    heard = Reading()

    done = registry.repair(progress=heard)

    assert [each.install.reference for each in done.mended] == ["civitai:931"]
    assert not any("noise-1" in name for name in heard.names)
    assert run(registry).findings == ()


def test_a_dry_run_tells_and_changes_nothing(registry):
    install = spoil(registry, 3)
    before = registry.rooms.store.path_of(install.sha256).read_bytes()

    told = registry.repair(dry_run=True)

    (planned,) = told.planned
    assert planned.plan.fetch_bytes == install.size_bytes
    assert planned.sources[0].startswith("civitai:931")
    assert registry.rooms.store.path_of(install.sha256).read_bytes() == before
    assert told.mended == ()


def test_another_copy_on_this_disk_mends_a_file_that_no_hub_has(registry, hub, tmp_path):
    (install,) = registry.installed("civitai-931")
    mine = tmp_path / "comfy" / "models" / "checkpoints" / "my copy.safetensors"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(registry.rooms.store.path_of(install.sha256).read_bytes())
    spoil(registry, 3)
    hub.take_down("civitai:931")

    (done,) = registry.repair(["civitai-931"]).mended

    assert (done.fetched_bytes, done.source) == (0, "this disk")
    assert run(registry).findings == ()
    assert mine.exists()


def test_what_lies_in_quarantine_mends_a_file_that_no_hub_has(registry, hub):
    (install,) = registry.installed("civitai-931")
    store, kept = registry.rooms.store, registry.settings.home / "kept"
    kept.write_bytes(store.path_of(install.sha256).read_bytes())
    store.quarantine(kept, "for a test")
    spoil(registry, 3)
    hub.take_down("civitai:931")

    (done,) = registry.repair(["civitai-931"]).mended

    assert done.fetched_bytes == 0
    assert run(registry).findings == ()


def test_a_hard_link_that_is_left_becomes_the_stored_file_again(registry):
    (install,) = registry.installed("civitai-931")
    link = next(each for each in install.links if each.method is LinkMethod.HARDLINK)
    path = registry.rooms.store.path_of(install.sha256)
    path.unlink()

    (done,) = registry.repair(["civitai-931"]).mended

    assert done.fetched_bytes == 0
    assert path.samefile(link.path)


def test_what_an_earlier_repair_left_is_gone_on_with_but_never_somebodys_file(registry, tmp_path):
    install = spoil(registry, 3)
    part = registry.settings.home / "partial" / f"{install.sha256}.repair"
    part.parent.mkdir(exist_ok=True)
    mine = tmp_path / "mine"
    mine.write_bytes(b"my own work" * 100_000)
    part.hardlink_to(mine)

    registry.repair(["civitai-931"])

    assert mine.read_bytes() == b"my own work" * 100_000
    assert run(registry).findings == ()


def test_moments_are_told_apart_from_those_of_a_wrong_clock(registry):
    """A check of the year 2100 counts as none."""
    future = datetime(2100, 1, 1, tzinfo=UTC)
    ahead = replace(registry.rooms, clock=lambda: future)
    audit(registry.installed(), AuditWish(), ahead, Progress(), Time().clockwork)

    wish = AuditWish(scope="due", due_after=timedelta(days=30))
    assert run(registry, wish).run.checked == COUNT


def test_who_was_checked_under_a_wrong_clock_does_not_come_first_for_ever(registry):
    ahead = replace(registry.rooms, clock=lambda: datetime(2100, 1, 1, tzinfo=UTC))
    audit(registry.installed(), AuditWish(), ahead, Progress(), Time().clockwork)
    heard = Reading()

    for _ in range(COUNT):
        run(registry, AuditWish(budget=Budget(max_bytes=1)), heard=heard)

    assert len(set(heard.names)) == COUNT


def test_a_copy_that_breaks_off_leaves_nothing_behind(registry, hub, tmp_path, monkeypatch):
    """A file without a piece map is copied from where it is whole, and the disk is full then."""
    (install,) = registry.installed("civitai-931")
    blob = registry.rooms.store.path_of(install.sha256)
    mine = tmp_path / "comfy" / "my copy.safetensors"
    mine.write_bytes(blob.read_bytes())
    spoil(registry, 3)
    blob.with_name(blob.name + ".json").unlink()

    def full(source, target):
        target.write_bytes(source.read_bytes()[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("registry.operations.restore.shutil.copyfile", full)
        (left,) = registry.repair(["civitai-931"]).failed
    assert "are needed" in left.because
    assert list((registry.settings.home / "partial").glob("*.repair")) == []

    registry.repair(["civitai-931"])
    assert run(registry).findings == ()
