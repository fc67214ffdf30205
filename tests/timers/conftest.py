"""A PATH that holds what a test puts there, and something for a timer to call."""

from pathlib import Path

import pytest

from registry.timers.system import Call
from tests.timers.programs import Programs


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Programs(folder)


@pytest.fixture
def call():
    return Call("sdreg-audit", ("/opt/it's 100% mine/sdreg",), Path("/big disk/models"))


@pytest.fixture
def newer(call):
    """The same timer, after sdreg moved."""
    return Call(call.name, ("/usr/bin/sdreg",), call.home)
