"""What the doctor finds, with its remedy, and what it changes: nothing."""

import os
import stat
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from registry.api import Registry
from registry.catalog import schema
from registry.catalog.database import Database
from registry.domain.source import Secret
from registry.errors import SdregError
from registry.operations.health import Check, Health
from registry.settings import credentials

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX's")


def found(registry, what, **manners):
    """Every line about one thing; each that is not good has a remedy."""
    manners = {"offline": True} | manners
    checks = registry.doctor(**manners)
    assert all(check.remedy for check in checks if check.health is not Health.GOOD)
    return [check for check in checks if check.what == what]


def everything_on(home):
    """Names, bytes and permissions of everything but SQLite's own working files."""
    files = (path for path in home.rglob("*") if not path.name.endswith(("-wal", "-shm", ".lock")))
    return {
        path: (path.stat().st_mode, path.read_bytes() if path.is_file() else None) for path in files
    }


def make_older(registry):
    """Bring the catalog back to the revision before, as an older sdreg left it."""
    registry.catalog.close()
    database = Database(registry.settings.catalog_file)
    with schema.prepared(database):
        schema.run(database, "downgrade", "-1")
    database.close()
    return Registry(registry.settings)


def test_an_older_catalog_is_told_and_not_brought_up_by_the_question(registry):
    registry.install("civitai:901")
    older = make_older(registry)
    before = everything_on(registry.settings.home)

    (check,) = found(older, "schema")

    assert check.health is Health.NOTE
    assert schema.HEAD in check.says
    assert "catalog upgrade" in check.remedy
    assert everything_on(registry.settings.home) == before


def test_a_catalog_of_a_newer_sdreg_is_told_and_not_touched(registry):
    with registry.catalog.database.transaction() as transaction:
        transaction.run("UPDATE alembic_version SET version_num = '9999'")
    registry.catalog.close()
    newer = Registry(registry.settings)
    before = everything_on(registry.settings.home)

    (check,) = found(newer, "schema-too-new")
    fixed = newer.put_right()

    assert (check.health, check.remedy.startswith("Upgrade sdreg")) == (Health.BAD, True)
    assert [each.done for each in fixed] == [False]
    assert everything_on(registry.settings.home) == before


def test_an_index_that_does_not_fit_its_table_is_found(registry):
    database = registry.catalog.database
    ((page,),) = database.rows("SELECT rootpage FROM sqlite_master WHERE name = 'ix_models_origin'")
    ((size,),) = database.rows("PRAGMA page_size")
    registry.catalog.close()
    with registry.settings.catalog_file.open("r+b") as file:
        file.seek((page - 1) * size)
        content = file.read(size)
        file.seek((page - 1) * size)
        file.write(content.replace(b"seed", b"weed", 1))
    again = Registry(registry.settings)
    assert again.catalog.database.rows("PRAGMA quick_check") == [("ok",)]

    (check,) = found(again, "catalog")

    assert check.health is Health.BAD
    assert "--rebuild" in check.remedy


@posix
def test_permissions_that_are_right_are_one_good_line(registry):
    registry.install("civitai:901")

    (check,) = found(registry, "permissions")

    assert check.health is Health.GOOD


@posix
@pytest.mark.parametrize(
    ("where", "mode", "told"),
    [
        ("blob", 0o644, (Health.NOTE, "1 stored file can be changed by other programs")),
        ("blob", 0o000, (Health.NOTE, "1 stored file can be changed")),
        ("credentials.json", 0o640, (Health.BAD, "can be read by others")),
        ("partial", 0o555, (Health.BAD, "cannot be read and written")),
        ("catalog.sqlite3", 0o444, (Health.BAD, "cannot be read and written")),
        ("library", 0o777, (Health.NOTE, "everybody on this machine can write")),
    ],
)
def test_a_permission_that_is_wrong_is_told(registry, monkeypatch, where, mode, told):
    monkeypatch.setattr(credentials, "find_spec", lambda _: None)  # the keyring is not ours
    registry.login("civitai", Secret("the-token"))
    (done,) = registry.install("civitai:901").files
    path = done.blob.path if where == "blob" else registry.settings.home / where
    path.chmod(mode)

    (check,) = found(registry, "permissions")

    health, says = told
    assert (check.health, says in check.says) == (health, True)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert all("the-token" not in each.says for each in registry.doctor(offline=True))


@posix
def test_a_disk_that_is_read_only_is_one_line_and_nothing_for_fix(registry, monkeypatch):
    registry.install("civitai:901")
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)

    (check,) = found(registry, "permissions")

    assert check.says == f"{registry.settings.home} cannot be read and written"
    assert "--fix" not in check.remedy


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_somebody_else_is_told_and_left_to_the_user(registry):
    (done,) = registry.install("civitai:901").files
    os.chown(done.blob.path, 12345, 12345)
    done.blob.path.chmod(0o644)

    (check,) = found(registry, "owner")

    assert (check.health, str(done.blob.path) in check.says) == (Health.NOTE, True)


def test_a_date_that_is_yet_to_come_makes_the_clock_suspect(registry):
    (done,) = registry.install("civitai:901").files
    assert found(registry, "clock") == []
    ahead = registry.rooms.clock() + timedelta(days=3650)
    registry.catalog.installs.verified(done.blob.sha256, ahead)

    (check,) = found(registry, "clock")

    assert check.health is Health.NOTE
    assert f"{ahead:%Y-%m-%d}" in check.says


@pytest.mark.parametrize("harm", ["gone", "spoilt", "older"])
def test_a_file_beside_which_its_name_is_not_written_is_told(registry, harm):
    (done,) = registry.install("civitai:901").files
    assert found(registry, "documents") == []
    document = done.blob.path.with_name(f"{done.blob.sha256}.json")
    if harm == "gone":
        document.unlink()
    elif harm == "spoilt":
        document.write_bytes(b"\0" * 100)
    else:
        registry.rooms.store.keep_facts(done.blob.sha256, [{"file_name": "of-another-install"}])

    (check,) = found(registry, "documents")

    assert (check.health, "noise.safetensors" in check.says) == (Health.NOTE, True)


def test_hubs_are_asked_unless_that_is_not_wanted_and_never_with_a_token(registry, hub):
    with_token = Registry(replace(registry.settings, tokens={"civitai": Secret("the-token")}))

    lines = found(with_token, "network civitai", offline=False)
    assert [check.health for check in lines] == [Health.GOOD]
    assert len(hub.requests) == 2
    assert all("authorization" not in request.headers for request in hub.requests)

    hub.forget_requests()
    assert found(with_token, "network civitai") == []
    assert hub.requests == []


def test_a_hub_that_cannot_be_reached_is_a_note(registry):
    deaf = Registry(replace(registry.settings, civitai_url="http://127.0.0.1:9"))

    (check,) = found(deaf, "network civitai", offline=False)

    assert check.health is Health.NOTE
    assert "http://127.0.0.1:9 cannot be reached: " in check.says


def test_a_home_that_is_a_file_is_told_and_the_rest_is_looked_at_all_the_same(tmp_path, registry):
    tmp_path.joinpath("file").write_text("not a folder")
    registry = Registry(replace(registry.settings, home=tmp_path / "file"))

    assert [check.health for check in found(registry, "home")] == [Health.BAD]
    assert found(registry, "network huggingface", offline=False)
    assert found(registry, "device")


def test_what_cannot_be_looked_at_is_a_line_with_its_remedy():
    class Refused(SdregError):
        code = "refused"

        def __str__(self):
            return "it says no"

        @property
        def hint(self):
            return "ask again"

    assert Check.of(Refused()) == Check("refused", Health.BAD, "it says no", "ask again")


SLOW_TORCH = """
__version__ = "9.9"
class cuda:
    is_available = staticmethod(lambda: False)
class backends:
    class mps:
        is_available = staticmethod(lambda: False)
"""


@pytest.mark.parametrize(
    ("torch", "says"),
    [
        ("raise ImportError('no libcudart')", "cannot be used: ImportError: no libcudart"),
        (SLOW_TORCH, "torch 9.9 uses cpu"),
    ],
)
def test_the_device_is_what_torch_says_in_a_process_of_its_own(
    registry, tmp_path, monkeypatch, torch, says
):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(torch)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)  # else that one is found

    (check,) = found(registry, "device")

    assert says in check.says
