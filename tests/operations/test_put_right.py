"""What `doctor --fix` puts right, and what it leaves to the user."""

import os
import stat
from dataclasses import replace

import pytest

from registry.api import Registry
from registry.domain.install import Placement
from registry.domain.source import Secret
from registry.operations.health import Health
from registry.settings import credentials
from tests.factories import make_install
from tests.operations.test_doctor import make_older, posix

DAY_S = 86_400


def bad_or_noted(registry):
    """What is not good, but for what a test machine lacks."""
    around = ("sandbox", "device", "keyring", "civitai", "huggingface", "space")
    checks = registry.doctor(offline=True)
    return {
        check.what
        for check in checks
        if check.health is not Health.GOOD and not check.what.startswith(around)
    }


def test_nothing_is_put_right_where_nothing_is_wrong(registry):
    registry.install("civitai:901")

    assert registry.put_right() == ()


@posix
def test_permissions_of_ours_are_put_right_and_those_of_the_user_are_not(registry, monkeypatch):
    monkeypatch.setattr(credentials, "find_spec", lambda _: None)  # the keyring is not ours
    registry.login("civitai", Secret("the-token"))
    (done,) = registry.install("civitai:901").files
    home = registry.settings.home
    mine = home / "library" / "mine.safetensors"
    mine.write_bytes(b"mine")
    for path, mode in (
        (done.blob.path, 0o664),
        (home / "credentials.json", 0o644),
        (home / "partial", 0o500),
        (home / "catalog.sqlite3", 0o400),
        (mine, 0o666),
    ):
        path.chmod(mode)

    fixed = registry.put_right()

    assert all(each.done for each in fixed)
    assert len(fixed) == 4
    assert stat.S_IMODE(done.blob.path.stat().st_mode) == 0o444
    assert stat.S_IMODE((home / "credentials.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "partial").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "catalog.sqlite3").stat().st_mode) == 0o600
    assert stat.S_IMODE(mine.stat().st_mode) == 0o666
    assert bad_or_noted(registry) == set()
    assert registry.put_right() == ()


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_a_token_file_of_somebody_else_stays_as_it_is(registry):
    file = registry.settings.token_file
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    file.chmod(0o644)
    os.chown(file, 12345, 12345)

    assert registry.put_right() == ()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_interrupted_installs_are_ended_and_each_is_told(registry, rooms):
    (done,) = registry.install("civitai:901").files
    registry.catalog.installs.remove(done.install.id)
    for link in done.install.links:
        link.path.unlink()
    places = [Placement(link.layout, link.path) for link in done.install.links]
    rooms.catalog.installs.intend(done.install, places)
    rooms.catalog.installs.intend(make_install(links=(), file_name="never-came.safetensors"), ())
    assert "unfinished" in bad_or_noted(registry)

    told = {each.says.partition(" is ")[0]: each for each in registry.put_right()}

    assert "it is here" in told["the install of noise.safetensors"].says
    assert "never came" in told["the install of never-came.safetensors"].says
    assert all(link.path.is_file() for link in done.install.links)
    assert bad_or_noted(registry) == set()


def test_what_killed_runs_left_in_the_store_goes_and_the_users_files_stay(registry):
    (done,) = registry.install("civitai:901").files
    folder = done.blob.path.parent
    left, users = folder / ".sdreg-killed.part", folder / "mine.part"
    for path in (left, users):
        path.write_bytes(b"x" * 100)
        days_ago = path.stat().st_mtime - 3 * DAY_S
        os.utime(path, (days_ago, days_ago))

    (fixed,) = registry.put_right()

    assert fixed.says == "what killed runs left is gone: 100 bytes"
    assert (left.exists(), users.exists()) == (False, True)


@pytest.mark.parametrize("harm", ["gone", "spoilt"])
def test_what_a_rebuild_needs_is_written_beside_a_file_again(registry, harm):
    (done,) = registry.install("civitai:901").files
    document = done.blob.path.with_name(f"{done.blob.sha256}.json")
    if harm == "gone":
        document.unlink()
    else:
        document.write_bytes(b"\0" * 100)

    (fixed,) = registry.put_right()

    assert (fixed.what, fixed.done) == ("documents", True)
    assert registry.rooms.store.record(done.blob.sha256).facts["file_name"] == "noise.safetensors"
    assert bad_or_noted(registry) == set()


def test_an_older_catalog_is_brought_up_and_a_copy_is_kept(registry):
    registry.install("civitai:901")
    older = make_older(registry)

    (fixed,) = older.put_right()

    assert (fixed.what, fixed.done) == ("schema", True)
    assert len(list(registry.settings.backups.glob("*.db"))) == 1
    assert [install.file_name for install in older.installed()] == ["noise.safetensors"]


def test_what_the_disk_refuses_is_told_and_the_rest_is_put_right(registry, rooms, monkeypatch):
    (done,) = registry.install("civitai:901").files
    document = done.blob.path.with_name(f"{done.blob.sha256}.json")
    document.unlink()
    document.mkdir()  # nothing can take the name of a folder
    rooms.catalog.installs.intend(make_install(links=()), ())

    by_what = {each.what: each.done for each in Registry(replace(registry.settings)).put_right()}

    assert by_what == {"unfinished": True, "documents": False}
