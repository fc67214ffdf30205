"""What a command does not need it does not load: that is how it starts fast."""

import os
import subprocess
import sys

import pytest

from registry.api import Registry

HEAVY = {"alembic", "httpx", "huggingface_hub", "numpy", "pydantic", "sqlalchemy", "torch"}
SCRIPT = """
import sys
from registry.cli.app import run
code = run(sys.argv[1:])
sys.stderr.write("loaded: " + " ".join(sys.modules))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A home whose catalog is made: making it needs more, once."""
    home = tmp_path_factory.mktemp("home")
    registry = Registry.open(home)
    assert registry.catalog.models.count()
    registry.catalog.close()
    return home


def loaded(home, *arguments):
    """Top-level packages that a whole process has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, "SDREG_HOME": str(home)},  # noqa: TID251 -- what a child process needs
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, _, modules = done.stderr.rpartition("loaded: ")
    return set(modules.split())


def packages(modules):
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["list", "--help"], ["inspect", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_that_it_does_not_show(tmp_path, arguments):
    modules = loaded(tmp_path / "none", *arguments)

    assert packages(modules) & {*HEAVY, "rich", "sqlite3"} == set()
    rooms = {name for name in modules if name.startswith("registry.") and name.count(".") == 1}
    unneeded = {"registry.catalog", "registry.hubs", "registry.transfer", "registry.store"}
    assert rooms & unneeded == set()
    assert not (tmp_path / "none").exists(), "help makes no home"


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["list", "--type", "lora", "--base", "sdxl"],
        ["list", "--installed"],
        ["search", "ink"],
        ["search", "ink", "--json"],
        ["show", "anything-v3"],
        ["show", "anything-v3", "--json"],
        ["config", "--json"],
    ],
    ids=" ".join,
)
def test_looking_things_up_loads_no_hub_no_transfer_and_no_orm(filled, arguments):
    modules = loaded(filled, *arguments)

    assert packages(modules) & HEAVY == set()
    assert not [name for name in modules if name.startswith(("registry.transfer", "registry.demo"))]
