"""A home whose catalog is filled, a shell to call commands with, and a hub on loopback."""

import shutil

import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.settings import credentials
from tests.cli.shell import Shell

np = pytest.importorskip("numpy")


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory):
    """A home with the seed's models. It is copied, never used."""
    home = tmp_path_factory.mktemp("filled")
    registry = Registry.open(home)
    assert registry.catalog.models.count() == 118
    registry.catalog.close()
    return home


@pytest.fixture
def sdreg(filled_home, tmp_path, monkeypatch, capsys):
    """A shell in a home of its own that knows the seed."""
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("SDREG_HOME", str(home))
    # The system's keyring is not ours to write to.
    monkeypatch.setattr(credentials, "find_spec", lambda _: None)
    return Shell(home, capsys)


@pytest.fixture
def noise(tmp_path):
    """A LoRA of noise, published at both hubs."""
    folder = tmp_path / "published"
    folder.mkdir()
    path = folder / "noise.safetensors"
    values = np.random.default_rng(7).integers(0, 255, 200_000, dtype=np.uint8)
    write_safetensors(path, {"noise": values.view(np.float16)})
    return HostedFile(
        path.read_bytes(),
        "noise.safetensors",
        civitai=(901, 902, 903),
        huggingface=("made-up/noise", "noise.safetensors"),
        model_name="Noise",
        type="LORA",
        trained_words=("white noise",),
    )


@pytest.fixture
def hub(noise, monkeypatch):
    """Both hubs on loopback, serving `noise`; the settings lead there."""
    with EmbeddedHub([noise], token="the-token") as running:
        monkeypatch.setenv("SDREG_CIVITAI_URL", running.address)
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture
def installed(sdreg, hub):
    """The one installed file, as `install` told it."""
    (file,) = sdreg.json("install", "civitai:901", schema="sdreg.install/1")["files"]
    return file
