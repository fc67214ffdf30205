"""`sdreg demo`: the whole story on this machine."""

import shutil

import pytest

from tests.cli.shell import documented, names_in


@pytest.mark.slow
def test_the_demo_goes_as_it_should_and_leaves_nothing(sdreg, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = sdreg.json("demo", schema="sdreg.demo/1")

    assert len(told["steps"]) >= 9
    assert all(step["ok"] and step["says"] for step in told["steps"])
    assert names_in(told) <= documented("sdreg.demo/1")
    assert not list(tmp_path.glob("sdreg-demo-*"))


@pytest.mark.slow
def test_the_demo_can_be_kept_and_overwrites_nothing(sdreg, tmp_path):
    folder = tmp_path / "kept"

    lines = sdreg("demo", "--keep", folder).lines
    said, _ = sdreg.error("demo", "--keep", folder, expect=6)

    assert lines[0].startswith("1. ")
    assert lines[-1].strip() == "$ sdreg install anything-v3"
    assert (folder / "home" / "catalog.sqlite3").is_file()
    assert said.startswith(str(folder))
    shutil.rmtree(folder)
