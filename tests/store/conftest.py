import shutil
import tempfile
from pathlib import Path

import pytest

from registry.store.blobs import Store


@pytest.fixture
def store(tmp_path):
    """An empty store that does not wait for the disk."""
    return Store(tmp_path / "home", durable=False)


@pytest.fixture
def other_disk(tmp_path):
    """A folder on another file system than `tmp_path`."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at hand")
    folder = Path(tempfile.mkdtemp(prefix="sdreg-test-", dir=memory))
    yield folder
    shutil.rmtree(folder)
