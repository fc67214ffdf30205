"""A home, the hub of its user, and two servers that have nothing to do with that hub."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from registry.api import Registry
from tests.faults.household import Household, housekeeping
from tests.faults.machine import Machine
from tests.servers.authority import Authority
from tests.servers.model_server import ModelServer


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the seed's models. It is copied, never used."""
    home = tmp_path_factory.mktemp("template")
    registry = Registry.open(home)
    assert registry.catalog.models.count()
    registry.catalog.close()
    return home


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A host like any other."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[ModelServer]:
    """One more of them."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def hub() -> Iterator[ModelServer]:
    """The one host that may see the token: it answers as Civitai."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def house(
    tmp_path: Path,
    template: Path,
    hub: ModelServer,
    server: ModelServer,
    other_server: ModelServer,
) -> Iterator[Household]:
    """A home whose Civitai is `hub` and whose Hugging Face is `other_server`."""
    huggingface_hub.close_session()  # it keeps one client, with the settings of its first use
    made = Household(tmp_path / "house", template, civitai=hub, huggingface=other_server)
    with housekeeping(made, [server, other_server]):
        yield made


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whoever signs certificates here."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure_server(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A host that speaks HTTPS, trusted by SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with ModelServer(tls=authority.server_side()) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, template: Path, server: ModelServer) -> Machine:
    """A furnished machine with nothing installed, whose user starts processes."""
    return Machine(tmp_path, server, template).furnish()
