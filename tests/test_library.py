"""The Python library, as its docstring shows it."""

import pytest

from registry import Preference, Registry, SdregError, Settings
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors

np = pytest.importorskip("numpy")


def test_plan_install_verify_and_remove(tmp_path):
    file = tmp_path / "noise.safetensors"
    write_safetensors(file, {"noise": np.arange(1000, dtype=np.float32)})
    hosted = HostedFile(file, "noise.safetensors", civitai=(901, 902, 903), type="LORA")
    with EmbeddedHub([hosted]) as hub:
        registry = Registry(Settings(home=tmp_path / "home", civitai_url=hub.address))
        plan = registry.plan_install("civitai:901")
        report = registry.install(plan)

        assert plan.needed_bytes == hosted.size_bytes
        assert report.files[0].install.proven
        assert [model.slug for model in registry.list(installed=True)] == ["civitai-901"]
        assert registry.verify().findings == ()
        assert registry.path("civitai-901")[0].read_bytes() == file.read_bytes()
        registry.remove("civitai-901")
        assert registry.installed() == ()


def test_an_error_is_a_sentence_a_hint_and_a_code(tmp_path):
    registry = Registry.open(tmp_path / "home")

    with pytest.raises(SdregError) as caught:
        registry.why("anythin-v3", Preference())

    assert str(caught.value) == "the catalog knows no model called 'anythin-v3'"
    assert "anything-v3" in caught.value.hint
    assert (caught.value.code, caught.value.exit_code) == ("unknown-model", 2)
