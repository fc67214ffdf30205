"""From a name or a file to a verdict that is recorded."""

import importlib.util
import os
from datetime import timedelta

import numpy as np
import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.torch_zip import write_checkpoint
from registry.domain.smoke import SmokeResult
from registry.errors import InvalidArgument, NotEnoughSpace, NotInstalled
from registry.operations import convert_file
from registry.operations import smoke as room
from registry.settings import Settings
from registry.smoke import layout
from tests.formats.gguf_file import gguf
from tests.smoke import builds

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("diffusers") is None, reason="the extra `smoke` is not installed"
)
UNET = "model.diffusion_model.middle_block.0.in_layers.2.weight"


@pytest.fixture
def registry(tmp_path):
    return Registry(Settings(home=tmp_path / "home"))


def codes(run):
    return [reason.code for reason in run.result.reasons]


@pytest.fixture
def no_extra(monkeypatch):
    monkeypatch.setattr(room, "has_extra", lambda: False)


def test_a_fault_in_the_weights_needs_no_torch(registry, tmp_path, no_extra):
    def change(made):
        made[UNET][0] = np.nan

    path = builds.checkpoint(tmp_path / "a.safetensors", change=change)
    (run,) = registry.smoke([str(path)])

    assert (run.result.verdict, codes(run)) == ("failed", ["nan-weights-unet"])
    assert registry.catalog.smokes.last(str(path)) == run


def test_without_the_extra_the_command_that_adds_it_is_named(registry, tmp_path, no_extra):
    (run,) = registry.smoke([str(builds.checkpoint(tmp_path / "a.safetensors"))])

    assert (run.result.verdict, codes(run)) == ("untestable", ["no-extra"])
    assert "pip install 'sdreg[smoke]'" in run.result.reasons[0].message


def test_a_pickle_is_read_and_not_run(registry, tmp_path, no_extra):
    path = tmp_path / "a.ckpt"
    made = builds.weights(layout.checkpoint(builds.TINY1))
    del made["first_stage_model.decoder.conv_in.bias"]
    write_checkpoint(path, made)
    evil = tmp_path / "evil.ckpt"
    evil.write_bytes(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.")

    read, refused = registry.smoke([str(path), str(evil)])

    assert codes(read) == ["missing-tensors"]
    assert (refused.result.verdict, codes(refused)) == ("failed", ["pickle-refused"])


def test_what_is_no_model_is_a_verdict_and_what_is_not_there_an_error(registry, tmp_path):
    text = tmp_path / "a.safetensors"
    text.write_text("hello")
    (run,) = registry.smoke([str(text)])
    assert run.result.verdict == "failed"

    with pytest.raises(InvalidArgument):
        registry.smoke([str(tmp_path)])
    with pytest.raises(NotInstalled):
        registry.smoke(["nowhere"])


def test_a_model_in_a_format_that_is_not_read_here_is_no_bad_one(registry, tmp_path):
    path = tmp_path / "a.gguf"
    path.write_bytes(gguf({"a": ("F32", (4, 4))}))
    (run,) = registry.smoke([str(path)])

    assert (run.result.verdict, codes(run)) == ("untestable", ["format-not-testable"])


def test_a_bad_base_says_nothing_about_the_adapter(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "has_extra", lambda: True)
    lora = builds.write(tmp_path / "a.safetensors", builds.lora())
    for content in (b"<html>not here</html>", b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."):
        base = tmp_path / "base.ckpt"
        base.write_bytes(content)
        (run,) = registry.smoke([str(lora)], base=str(base))

        assert (run.result.verdict, codes(run)) == ("untestable", ["bad-base"])


def test_a_base_with_a_block_missing_says_nothing_about_the_adapter(
    registry, tmp_path, monkeypatch
):
    monkeypatch.setattr(room, "has_extra", lambda: True)
    lora = builds.write(tmp_path / "lora.safetensors", builds.lora())

    def change(made):
        for name in [name for name in made if ".middle_block.1." in name]:
            del made[name]

    base = builds.checkpoint(tmp_path / "base.safetensors", change=change)
    (run,) = registry.smoke([str(lora)], device="cpu", base=str(base))

    assert (run.result.verdict, codes(run)) == ("untestable", ["bad-base"])
    assert "UNet middle_block" in run.result.reasons[0].message


def test_nothing_is_left_of_a_converted_pickle(registry, tmp_path, no_extra):
    path = tmp_path / "a.ckpt"
    write_checkpoint(path, builds.weights(layout.checkpoint(builds.TINY1)))
    (run,) = registry.smoke([str(path)])

    assert codes(run) == ["no-extra"]
    assert list((tmp_path / "home" / "smoke").iterdir()) == []


def test_only_what_is_due_is_tried_again(registry, tmp_path, monkeypatch, no_extra):
    path = str(builds.checkpoint(tmp_path / "a.safetensors"))

    assert len(registry.smoke([path], due=timedelta(days=90))) == 1
    assert registry.smoke([path], due=timedelta(days=90)) == ()
    assert len(registry.smoke([path], due=timedelta(0))) == 1

    monkeypatch.setattr(room, "has_extra", lambda: True)
    monkeypatch.setattr(room, "run_smoke", lambda *_, **__: SmokeResult("passed"))
    assert len(registry.smoke([path], due=timedelta(days=90))) == 1
    assert registry.smoke([path], due=timedelta(days=90)) == ()


def test_what_this_machine_could_not_try_stays_due(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "has_extra", lambda: True)
    path = str(builds.write(tmp_path / "a.safetensors", builds.lora()))

    for _ in range(2):
        (run,) = registry.smoke([path], due=timedelta(days=90))
        assert codes(run) == ["no-base"]


# ── with torch ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hosted(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    base = builds.checkpoint(folder / "base.safetensors")
    lora = builds.write(folder / "ink.safetensors", builds.lora())
    return [
        HostedFile(base, "base.safetensors", civitai=(901, 902, 903), type="Checkpoint"),
        HostedFile(lora, "ink.safetensors", civitai=(911, 912, 913), type="LORA"),
    ]


@needs_extra
def test_an_installed_model_is_tried_and_compared_with_last_time(tmp_path, hosted):
    with EmbeddedHub(hosted) as hub:
        registry = Registry(Settings(home=tmp_path / "home", civitai_url=hub.address))
        base = registry.install("civitai:901").files[0].install
        lora = registry.install("civitai:911").files[0].install

    (first,) = registry.smoke([base.sha256], device="cpu")
    (second,) = registry.smoke([base.sha256], device="cpu")
    (other,) = registry.smoke([base.sha256], device="cpu", seed=7)
    (adapter,) = registry.smoke([lora.sha256], device="cpu", base=base.sha256)

    assert [run.result.verdict for run in (first, second, other, adapter)] == ["passed"] * 4
    assert [run.compared for run in (first, second, other)] == [None, "same", None]
    assert registry.last_smoke(base) == other
    assert first.result.picture.parent == tmp_path / "home" / "smoke"
    assert first.result.picture.is_file()
    assert adapter.result.figures["difference"] > 1e-3


@needs_extra
def test_an_adapter_is_compared_with_runs_on_the_same_base(registry, tmp_path):
    lora = builds.write(tmp_path / "lora.safetensors", builds.lora())
    one = builds.checkpoint(tmp_path / "one.safetensors")
    made = builds.weights(layout.checkpoint(builds.TINY1), seed=5)
    two = builds.write(tmp_path / "two.safetensors", made)

    runs = [
        registry.smoke([str(lora)], device="cpu", base=str(base))[0] for base in (one, two, one)
    ]

    assert [run.result.verdict for run in runs] == ["passed"] * 3
    assert [run.result.base for run in runs] == [str(one), str(two), str(one)]
    assert [run.compared for run in runs] == [None, None, "same"]


@needs_extra
def test_an_adapter_without_a_base_cannot_be_tested(registry, tmp_path):
    path = builds.write(tmp_path / "a.safetensors", builds.lora())
    (run,) = registry.smoke([str(path)])

    assert (run.result.verdict, codes(run)) == ("untestable", ["no-base"])


def test_what_a_killed_trial_left_is_gone_after_a_day(registry, tmp_path, no_extra):
    old, fresh = (tmp_path / "home" / "smoke" / f".trial-{name}" for name in ("old", "fresh"))
    for folder in (old, fresh):
        folder.mkdir(parents=True)
        (folder / "a.safetensors").write_bytes(b"half of it")
    os.utime(old, (0, 0))

    registry.smoke([str(builds.checkpoint(tmp_path / "a.safetensors"))])

    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_full_disk_says_nothing_about_the_model(registry, tmp_path, no_extra, monkeypatch):
    def refuse(*_words, **_options):
        raise NotEnoughSpace(str(tmp_path), 10, 1)

    path = tmp_path / "a.ckpt"
    write_checkpoint(path, builds.weights(layout.checkpoint(builds.TINY1)))
    monkeypatch.setattr(convert_file, "convert_file", refuse)
    (run,) = registry.smoke([str(path)])

    assert (run.result.verdict, codes(run)) == ("untestable", ["cannot-write"])
