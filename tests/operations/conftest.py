"""Opened rooms over real SQLite, a real disk and a hub on loopback."""

import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.settings import Settings

np = pytest.importorskip("numpy")


@pytest.fixture
def hosted(tmp_path):
    path = tmp_path / "noise.safetensors"
    write_safetensors(path, {"noise": np.arange(5000, dtype=np.float32)})
    return HostedFile(path, "noise.safetensors", civitai=(901, 902, 903), type="LORA")


@pytest.fixture
def hub(hosted):
    with EmbeddedHub([hosted]) as hub:
        yield hub


@pytest.fixture
def registry(tmp_path, hub):
    (tmp_path / "comfy").mkdir()
    return Registry(
        Settings(
            home=tmp_path / "home",
            civitai_url=hub.address,
            hf_endpoint=hub.address,
            uis=(("comfyui", tmp_path / "comfy"),),
        )
    )


@pytest.fixture
def rooms(registry):
    return registry.rooms
