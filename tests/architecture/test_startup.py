"""What a command does not need it does not load: that is how it starts fast."""

import hashlib
import os
import subprocess
import sys

import pytest

from registry.api import Registry
from tests.servers.model_server import ModelServer

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


def loaded(home, *arguments, script=SCRIPT):
    """Top-level packages that a whole process has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "SDREG_HOME": str(home)},  # noqa: TID251 -- what a child process needs
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, _, modules = done.stderr.rpartition("loaded: ")
    return set(modules.split())


INSTALL = """
import sys
from registry.__main__ import main
try:
    main()
finally:
    sys.stderr.write("loaded: " + " ".join(name for name in sys.modules if sys.modules[name]))
"""


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


def test_an_install_loads_nothing_that_only_other_files_or_troubles_need(filled):
    header = b'{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    sha256 = hashlib.sha256(content).hexdigest()
    with ModelServer() as server:
        address = server.serve("a.safetensors", content)
        options = ["--sha256", sha256, "--yes", "--json"]
        modules = loaded(filled, "install", address, *options, script=INSTALL)

    unneeded = {
        "alembic",
        "click",
        "huggingface_hub",
        "keyring",
        "numpy",
        "pygments",
        "rich",
        "torch",
    }
    assert packages(modules) & {*unneeded, "statistics"} == set()
    assert "httpx._main" not in modules
    assert not [
        name for name in modules if name.startswith(("registry.convert", "registry.pickles"))
    ]
    assert "registry.formats.torch_file" not in modules
