"""What the tests of hubs share."""

import json
from pathlib import Path

import pytest

from registry.domain.source import Secret
from registry.hubs.hub import HubSettings
from tests.hubs.scripted_api import ScriptedApi


@pytest.fixture
def api():
    """A server that answers by script."""
    with ScriptedApi() as server:
        yield server


@pytest.fixture
def waits():
    """Every wait that a hub asked for; nobody really waits."""
    return []


@pytest.fixture
def settings_for(waits):
    """Settings of a hub that answers at an address."""

    def make(address, *, token=None, **changes):
        return HubSettings(
            address=address,
            find_token=lambda: Secret(token) if token else None,
            trusted=True,
            sleep=waits.append,
            **changes,
        )

    return make


@pytest.fixture(scope="session")
def recorded():
    """A real answer that somebody stored, by hub and name."""

    def read(hub, name):
        file = Path(__file__).parent / "recorded" / hub / f"{name}.json"
        return json.loads(file.read_text(encoding="utf-8"))["response"]

    return read
