"""Catalogs for the tests of this room: real SQLite in a fresh folder, a clock that stands still."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.catalog import Catalog, open_catalog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

OpenCatalog = Callable[..., Catalog]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenCatalog]:
    """Open catalogs under `tmp_path`; all are closed at the end."""
    catalogs: list[Catalog] = []

    def open_one(name: str = "catalog.db", **changes) -> Catalog:
        options = {"backups": tmp_path / "backups", "clock": lambda: NOON, "seed": None, **changes}
        catalog = open_catalog(tmp_path / name, **options)
        catalogs.append(catalog)
        return catalog

    yield open_one
    for catalog in catalogs:
        catalog.close()


@pytest.fixture
def empty(opened: OpenCatalog) -> Catalog:
    """A catalog without a seed."""
    return opened()


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that filled itself with the shipped seed; to be copied, not opened."""
    folder = tmp_path_factory.mktemp("seeded")
    open_catalog(folder / "catalog.db", backups=folder, clock=lambda: NOON).close()
    return folder / "catalog.db"


@pytest.fixture
def seeded(opened: OpenCatalog, seeded_file: Path, tmp_path: Path) -> Catalog:
    """A catalog that filled itself with the shipped seed."""
    shutil.copyfile(seeded_file, tmp_path / "catalog.db")
    return opened(seed="shipped")
