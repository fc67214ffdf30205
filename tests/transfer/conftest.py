"""What the tests of transfers share: two servers and a downloader."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.model_server import ModelServer
from tests.transfer.bench import Bench


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "parts")
    yield made
    made.close()
