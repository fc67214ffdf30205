"""What every test stands on: an empty home, a clean environment, no network but this machine."""

import ipaddress
import os
import re
import socket
from pathlib import Path

import hypothesis
import pytest

from tests.fakes.clock import FakeClock

ROOT = Path(__file__).parent.parent

# A busy machine is no reason to fail; whoever measures time does it in tests/benchmarks.
hypothesis.settings.register_profile("sdreg", deadline=None)
hypothesis.settings.load_profile("sdreg")

# Whatever the developer has set for their own use must not decide a test, nor be spent by one.
_PRIVATE = re.compile(
    r"(SDREG|HF|HUGGING_?FACE|CIVITAI|XDG|_TYPER|_SDREG)_.*|.*_proxy"
    r"|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|PY_COLORS|TTY_\w+|GITHUB_ACTIONS",
    re.IGNORECASE,
)


class NetworkClosed(RuntimeError):
    """A test reached for the network. No `except OSError` of ours turns it into something else."""


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory):
    """An environment as on a new machine, with a home of its own and a plain terminal."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):  # noqa: TID251 -- cleans it, decides nothing by it
            if _PRIVATE.fullmatch(name):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("user")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        patch.setenv("COLUMNS", "100")
        patch.setenv("LINES", "40")
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture(autouse=True)
def closed_network():
    """Let sockets reach this machine only, and names resolve only where they mean it."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self, address):
        _refuse_strangers(self.family, address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        _refuse_strangers(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_local_name(name) and _address(name) is None:
            raise NetworkClosed(f"a test looked up {name}")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _refuse_strangers(family, address):
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = address[0]
    found = _address(host)
    if not (_is_local_name(host) if found is None else found.is_loopback):
        raise NetworkClosed(f"a test connected to {host}")


def _is_local_name(host):
    return host == "localhost" or host.endswith(".localhost")


def _address(host):
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder that is SDREG_HOME for this test, subprocesses included."""
    folder = tmp_path / "sdreg"
    folder.mkdir()
    monkeypatch.setenv("SDREG_HOME", str(folder))
    return folder


@pytest.fixture
def clock():
    """A clock that stands still on a Monday at noon, UTC."""
    return FakeClock()


@pytest.fixture(scope="session")
def project_root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def real_files():
    """Files made by strangers, beside the checkout on some machines."""
    folder = ROOT.parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip("no files made by strangers lie beside this checkout")
    return folder
