"""The rooms wired together: every operation from Python, as the commands use it."""

import json
from dataclasses import FrozenInstanceError

import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.domain.source import Secret
from registry.domain.variant import Precision
from registry.errors import (
    CatalogInvalid,
    InvalidArgument,
    InvalidSettings,
    NoSuitableFile,
    NotInstalled,
)
from registry.resolve.preference import Preference
from registry.settings import Settings, credentials
from tests.catalog.documents import a_document, a_model

np = pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A registry that knows the seed; only looked at."""
    return Registry.open(tmp_path_factory.mktemp("known"))


@pytest.fixture
def registry(tmp_path):
    """A registry whose hubs are on loopback and have one LoRA."""
    file = tmp_path / "noise.safetensors"
    write_safetensors(file, {"noise": np.arange(1000, dtype=np.float32)})
    hosted = HostedFile(
        file.read_bytes(),
        "noise.safetensors",
        civitai=(901, 902, 903),
        huggingface=("made-up/noise", "noise.safetensors"),
        type="LORA",
    )
    with EmbeddedHub([hosted]) as hub:
        settings = Settings(
            home=tmp_path / "home", civitai_url=hub.address, hf_endpoint=hub.address
        )
        yield Registry(settings)


def test_opening_makes_nothing(tmp_path):
    Registry.open(tmp_path / "home")
    Registry.open(str(tmp_path / "home"))

    assert not (tmp_path / "home").exists()


def test_the_home_is_the_one_given_else_that_of_the_environment(tmp_path, home):
    assert Registry.open().settings.home == home
    assert Registry.open(tmp_path / "other").settings.home == tmp_path / "other"


def test_models_are_listed_searched_and_shown(known):
    loras = known.list(type="loras", base="sdxl")

    assert {model.type for model in loras} == {"lora"}
    assert known.list(type="loras", base="sdxl", limit=1, offset=1) == loras[1:2]
    assert known.list(installed=True) == ()
    assert len(known.list(installed=False)) == 118
    assert known.search("ink")[0].slug == "inkpunk-diffusion"
    assert known.show("anything-v3").clip_skip.value == 2
    assert known.names("anyth") == ("anything-v3", "anything-v5")
    assert known.names("a", limit=1) == known.names("a")[:1]


def test_what_comes_back_is_frozen(known):
    with pytest.raises(FrozenInstanceError):
        known.show("anything-v3").name = "mine"


@pytest.mark.parametrize("facts", [{"type": "nonsense"}, {"base": "sd9"}])
def test_an_unknown_type_or_base_is_refused(known, facts):
    with pytest.raises(InvalidArgument, match="is not a"):
        known.list(**facts)


def test_the_wish_is_that_of_the_settings_with_changes(tmp_path):
    registry = Registry(Settings(home=tmp_path, prefer=Precision.FP32, full=True))

    assert registry.wish() == Preference(precision=Precision.FP32, full=True)
    assert registry.wish(full=False, file="446") == Preference(precision=Precision.FP32, file="446")


def test_a_choice_tells_what_was_taken_and_what_not(known):
    choice = known.why("anything-v3")
    fp32 = known.why("anything-v3", Preference(precision=Precision.FP32))

    assert choice.chosen.file.hashes.sha256.startswith("d1facd9a")
    assert all(no.because for no in choice.rejected)
    assert fp32.chosen.file.name == "anything-v3-fp32-pruned.safetensors"


def test_from_a_reference_to_a_file_and_back(registry):
    plan = registry.plan_install("hf:made-up/noise", type="lora")
    assert registry.installed() == ()

    done = registry.install(plan).files[0]
    again = registry.install(registry.plan_install("hf:made-up/noise", type="lora")).files[0]

    assert (done.status, again.status) == ("installed", "already-installed")
    assert registry.installed(done.install.sha256) == registry.installed()
    assert [path.name for path in registry.path(done.install.sha256)] == ["noise.safetensors"]
    assert registry.verify(deep=True).findings == ()
    assert registry.repair().mended == ()
    assert registry.link()[0].new == ()
    assert registry.remove(done.install.sha256)[0].freed_bytes > 0
    assert registry.installed() == ()


def test_a_file_is_found_again_after_it_was_lost(registry):
    done = registry.install("civitai:901").files[0]
    registry.rooms.store.path_of(done.install.sha256).unlink()

    assert registry.verify().findings
    assert registry.repair().mended
    assert registry.verify(["civitai-901"]).findings == ()


def test_what_is_named_twice_is_checked_once(registry):
    sha256 = registry.install("civitai:901").files[0].install.sha256

    assert len(registry.verify(["civitai-901", sha256, "civitai:901"]).checked) == 1


@pytest.mark.parametrize("verb", ["installed", "path", "remove", "link"])
def test_what_is_not_installed_is_refused(known, verb):
    with pytest.raises(NotInstalled):
        getattr(known, verb)("anything-v3")


def test_nothing_suitable_is_an_error_with_every_reason(registry):
    with pytest.raises(NoSuitableFile) as caught:
        registry.plan_install("civitai:901", Preference(file="no such file"))

    assert len(caught.value.rejections) == 1


def test_hubs_are_searched_and_asked_again(registry):
    found = registry.search_hubs("a model")
    registry.install("civitai:901")

    assert "civitai-901" in {model.slug for model in found}
    assert {one.outcome for one in registry.refresh()} == {"current"}
    assert {one.outcome for one in registry.refresh(["civitai-901"])} == {"current"}


def test_a_catalog_file_goes_in_and_out(registry, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(a_document(a_model("toy"))))

    assert registry.catalog_check(file) == 1
    assert registry.catalog_add(file).added == 1
    assert registry.catalog_add(file).added == 0
    exported = registry.catalog_export()
    assert "toy" in {model["slug"] for model in exported["models"]}
    assert registry.catalog_upgrade() == registry.catalog_upgrade()


def test_a_wrong_catalog_file_is_refused_whole(registry, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(a_document(a_model("toy"), a_model("bad", nonsense=1))))

    with pytest.raises(CatalogInvalid, match="nonsense"):
        registry.catalog_add(file)
    with pytest.raises(CatalogInvalid, match="cannot be read"):
        registry.catalog_check(tmp_path / "nowhere.json")
    assert registry.catalog.models.find("toy") is None


def test_a_token_is_kept_and_forgotten(tmp_path, monkeypatch):
    # The system's keyring is not ours to write to.
    monkeypatch.setattr(credentials, "find_spec", lambda _: None)
    registry = Registry.open(tmp_path)

    assert registry.login("civitai", Secret("abc")) == str(tmp_path / "credentials.json")
    assert registry.settings.token("civitai").value == "abc"
    assert [registry.logout("civitai"), registry.logout("civitai")] == [True, False]
    with pytest.raises(InvalidArgument, match="is not a hub with a login"):
        registry.login("direct", Secret("abc"))


def test_the_doctor_looks_at_everything(registry):
    checks = {check.what: check.health for check in registry.doctor()}

    assert {"home", "catalog", "store", "ui library", "civitai", "huggingface"} <= set(checks)
    assert "bad" not in checks.values()


@pytest.mark.parametrize("name", ["nonsense", "library"])
def test_a_ui_that_nobody_knows_is_refused_when_rooms_are_entered(tmp_path, name):
    registry = Registry(Settings(home=tmp_path, uis=((name, tmp_path),)))

    assert registry.list(limit=1)
    with pytest.raises(InvalidSettings, match="names no UI; known are a1111"):
        _ = registry.rooms
