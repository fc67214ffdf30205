"""A pickle is proven, converted, compared; only the safetensors file is linked into the UIs."""

import hashlib

import numpy as np
import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.torch_zip import write_checkpoint
from registry.errors import PickleRefused
from registry.settings import Settings
from tests.convert.weights import read_file
from tests.servers.model_server import ModelServer

WEIGHTS = {
    "model.diffusion_model.out.2.weight": np.arange(4000, dtype=np.float32).reshape(40, 100),
    "first_stage_model.decoder.conv_in.weight": np.ones((8, 4), np.float32),
}
EVIL = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."


@pytest.fixture
def pickled(tmp_path):
    path = tmp_path / "ink.ckpt"
    write_checkpoint(path, WEIGHTS)
    return HostedFile(
        path, "ink.ckpt", civitai=(901, 902, 903), type="Checkpoint", trained_words=("ink wash",)
    )


@pytest.fixture
def hosted(pickled, tmp_path):
    evil = tmp_path / "evil.ckpt"
    evil.write_bytes(EVIL)
    return [pickled, HostedFile(evil, "evil.ckpt", civitai=(911, 912, 913), type="Checkpoint")]


@pytest.fixture
def hub(hosted):
    with EmbeddedHub(hosted) as hub:
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


def install(registry, **wishes):
    plan = registry.plan_install("civitai:901", **wishes)
    return registry.install(plan).files[0]


def digits_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_the_safetensors_file_is_linked_and_the_model_stays_what_it_was(
    registry, pickled, tmp_path
):
    original = digits_of(pickled.content)

    done = install(registry)

    names = {link.path.name for link in done.install.links}
    assert names == {"ink.safetensors"}
    assert len(done.install.links) == 2
    assert (tmp_path / "comfy/models/checkpoints/ink.safetensors").is_file()
    metadata, found = read_file(done.blob.path)
    assert {name: values.tolist() for name, (_, values) in found.items()} == {
        name: values.tolist() for name, values in WEIGHTS.items()
    }
    assert metadata["derived_from"] == f"sha256:{original}"
    assert done.install.derived_from == original
    assert done.install.sha256 == digits_of(done.blob.path) != original
    assert done.install.proven
    model = registry.show("civitai:901")
    (file,) = [file for _, file in model.files]
    assert file.hashes.sha256 == original
    assert file.id == done.install.file_id
    assert [version.trigger_words for version in model.versions] == [("ink wash",)]
    assert any("converted from a pickle: 2 tensors" in note for note in done.notes)


def test_the_pickle_lies_in_quarantine_with_a_note(registry, pickled):
    done = install(registry)

    (aside,) = registry.rooms.store.quarantined()
    assert digits_of(aside) == digits_of(pickled.content)
    note = aside.with_name(f"{aside.name}.why.txt").read_text()
    assert f"it was converted to {done.install.sha256}" in note
    assert list((registry.settings.home / "converted").iterdir()) == []


def test_a_second_time_nothing_happens(registry, hub):
    install(registry)
    plan = registry.plan_install("civitai:901")
    hub.forget_requests()

    again = registry.install(plan).files[0]

    assert again.status == "already-installed"
    assert hub.requests == []


def test_a_pickle_can_be_kept_as_it_is_after_a_warning(registry, pickled):
    done = install(registry, keep_pickle=True)

    assert {link.path.name for link in done.install.links} == {"ink.ckpt"}
    assert done.install.sha256 == digits_of(pickled.content)
    assert done.install.derived_from is None
    assert any("may run code" in note for note in done.notes)


def test_a_kept_pickle_and_the_converted_one_are_two_installs(registry, pickled):
    install(registry)

    kept = install(registry, keep_pickle=True)

    assert kept.install.sha256 == digits_of(pickled.content)
    assert {each.file_name for each in registry.installed()} == {"ink.safetensors", "ink.ckpt"}


def test_a_pickle_with_code_in_it_is_not_installed_and_lies_in_quarantine(registry):
    with pytest.raises(PickleRefused, match="posix"):
        registry.install(registry.plan_install("civitai:911"))

    (aside,) = registry.rooms.store.quarantined()
    assert aside.read_bytes() == EVIL
    assert registry.installed() == ()


def test_the_plan_tells_the_name_that_will_be_there(registry):
    converted = registry.plan_install("civitai:901").steps[0]
    kept = registry.plan_install("civitai:901", keep_pickle=True).steps[0]

    assert converted.file_name == "ink.safetensors"
    assert kept.file_name == "ink.ckpt"
    assert {place.path.name for place in converted.places} == {"ink.safetensors"}


def test_what_a_killed_run_left_is_no_obstacle(registry, pickled):
    left = registry.settings.home / "converted" / f"{digits_of(pickled.content)}.safetensors"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    assert install(registry).status == "installed"


def test_a_damaged_one_is_mended_by_converting_its_pickle_again(registry):
    done = install(registry)
    whole = done.blob.path.read_bytes()
    done.blob.path.chmod(0o644)
    done.blob.path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    report = registry.repair()

    assert [each.install.id for each in report.mended] == [done.install.id]
    assert done.blob.path.read_bytes() == whole
    assert registry.verify().findings == ()


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_pickle_of_a_damaged_one_is_fetched_only_if_it_is_not_kept(registry, hub, is_kept):
    done = install(registry)
    done.blob.path.unlink()
    for link in done.install.links:
        link.path.unlink()
    for path in [*registry.rooms.store.quarantined()] if not is_kept else []:
        registry.rooms.store.drop_quarantined(path)

    if is_kept:
        hub.take_down("civitai:901")
    (mended,) = registry.repair().mended

    assert (mended.fetched_bytes == 0) is is_kept
    assert (mended.source == "this disk") is is_kept
    home = registry.settings.home
    assert [*home.glob("partial/*.part"), *home.glob("converted/*")] == []
    assert registry.verify().findings == ()


def test_what_only_its_name_calls_a_pickle_keeps_that_name(registry):
    content = b"neither a pickle nor anything that we know" * 100
    with ModelServer() as server:
        plan = registry.plan_install(
            server.serve("latents.bin", content), sha256=hashlib.sha256(content).hexdigest()
        )
        done = registry.install(plan).files[0]

    assert {link.path.name for link in done.install.links} == {"latents.bin"}
    assert done.install.file_name == "latents.bin"
