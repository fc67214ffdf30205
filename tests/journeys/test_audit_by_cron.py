"""From `sdreg audit schedule install` to a run in the catalog, with nobody at the keyboard."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.api import Registry, now
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from tests.timers.programs import Programs, as_cron_runs_it

np = pytest.importorskip("numpy")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A home with a space and a per cent sign in its name, an installed model, a crontab."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "noise.safetensors"
    write_safetensors(path, {"noise": np.arange(5000, dtype=np.float32)})
    file = HostedFile(path, "noise.safetensors", civitai=(901, 902, 903), type="LORA")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SDREG_HOME", str(tmp_path / "100% my models"))
    with EmbeddedHub([file]) as hub:
        monkeypatch.setenv("SDREG_CIVITAI_URL", hub.address)
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        sdreg("install", "civitai:901")
    return tmp_path


def sdreg(*words):
    done = subprocess.run(
        [sys.executable, "-m", "registry", *words, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def runs(home):
    with sqlite3.connect(home / "catalog.sqlite3") as database:
        return database.execute("SELECT count(*) FROM audit_runs").fetchone()[0]


def test_cron_runs_the_line_that_was_installed_and_the_run_stands_in_the_catalog(world):
    home = world / "100% my models"
    programs = Programs(world / "bin")
    programs.crontab()
    sdreg("audit", "schedule", "--every", "1d", "--at", "03:00")
    done = sdreg("audit", "schedule", "install", "--with", "cron", "--yes")
    (line,) = programs.spool.read_text().splitlines()
    assert done["writes"] == [{"where": "your crontab", "text": f"{line}\n"}]
    let_a_day_go_by(home)
    command, environment = as_cron_runs_it(line, world)

    called = [
        subprocess.run(
            command, env=environment, cwd=world, capture_output=True, text=True, check=False
        )
        for _ in range(2)
    ]

    assert [each.returncode for each in called] == [0, 0], called[0].stderr + called[1].stderr
    assert [each.stdout for each in called] == ["", ""], "cron would mail it"
    assert runs(home) == 1, "due once a day, called every hour"
    sdreg("audit", "schedule", "uninstall")
    assert not programs.spool.exists()


def let_a_day_go_by(home: Path) -> None:
    """The schedule looks as if it had been made three days ago."""
    registry = Registry.open(home)
    kept = registry.catalog.schedules.get()
    registry.catalog.schedules.keep(replace(kept, made_at=now() - timedelta(days=3)))
    registry.catalog.close()
