"""`sdreg install`: the plan first, then the work, then what one needs to use it."""

import hashlib
import json
from pathlib import Path

import pytest

from registry.api import Registry
from tests.catalog.documents import a_document, a_file, a_model, a_version
from tests.cli.shell import documented, names_in

SCHEMA = "sdreg.install/1"


@pytest.fixture
def comfyui(tmp_path, monkeypatch):
    """A UI that installs are linked into."""
    root = tmp_path / "ComfyUI"
    root.mkdir()
    monkeypatch.setenv("SDREG_UI_COMFYUI", str(root))
    return root


def test_a_model_is_installed_and_what_one_needs_is_told(sdreg, hub, noise, comfyui):
    outcome = sdreg("install", "civitai:901")
    out = outcome.out

    linked = comfyui / "models" / "loras" / "noise.safetensors"
    assert out.startswith("civitai-901: Noise (lora, sd1)\n  file   noise.safetensors of v1.0\n")
    assert "\ninstalled: noise.safetensors, " in out
    assert ", proven\n" in out
    assert str(linked) in out
    assert "civitai:901@902+903" in out
    assert f"  sha256  {noise.sha256}\n" in out
    assert "to use it:\n  trigger words  white noise\n" in out
    assert "  licence        " in out
    assert linked.read_bytes() == noise.content
    assert outcome.err.startswith("noise.safetensors: ")


def test_the_document_is_the_documented_one(sdreg, hub, noise, comfyui):
    outcome = sdreg("install", "civitai:901", "--json")
    document = outcome.document
    (file,) = document["files"]

    assert outcome.err == ""
    assert document["schema"] == SCHEMA
    assert names_in(document) - {"schema"} <= documented(SCHEMA)
    assert {name: document[name] for name in ("reference", "slug", "type", "base")} == {
        "reference": "civitai:901",
        "slug": "civitai-901",
        "type": "lora",
        "base": "sd1",
    }
    assert document["trigger_words"] == ["white noise"]
    assert file["sha256"] == hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest()
    assert file["blake3"] == noise.hashes["BLAKE3"].lower()
    assert (file["size_bytes"], file["status"]) == (noise.size_bytes, "installed")
    assert (file["proven"], file["source"]) == (True, "civitai:901@902+903")
    assert [link["layout"] for link in file["links"]] == ["library", "comfyui"]
    assert all(Path(link["path"]).read_bytes() == noise.content for link in file["links"])


def test_a_second_time_there_is_nothing_to_do(sdreg, hub):
    sdreg("install", "civitai:901")
    hub.forget_requests()

    again = sdreg("install", "civitai:901")
    told = sdreg.json("install", "civitai:901", schema=SCHEMA)

    assert "nothing to fetch" in again.out
    assert "already installed, nothing to do: noise.safetensors" in again.out
    assert [file["status"] for file in told["files"]] == ["already-installed"]
    assert hub.requests == []


def test_a_dry_run_tells_the_plan_and_does_nothing(sdreg, hub, noise, comfyui):
    said = sdreg("install", "civitai:901", "--dry-run")
    told = sdreg.json("install", "civitai:901", "--dry-run", schema="sdreg.plan/1")
    (file,) = told["files"]

    assert said.err == ""
    assert "to fetch; " in said.out
    assert str(comfyui / "models" / "loras" / "noise.safetensors") in said.out
    assert names_in(told) <= documented("sdreg.plan/1") | documented("sdreg.show/1")
    assert told["needed_bytes"] >= noise.size_bytes
    assert told["free_bytes"] > 0
    assert told["because"]
    assert (file["present"], file["file_name"]) == (False, "noise.safetensors")
    assert [place["layout"] for place in file["places"]] == ["library", "comfyui"]
    assert not list(comfyui.rglob("*"))
    assert sdreg.json("list", "--installed", schema="sdreg.list/1") == {"models": []}


def test_a_ui_whose_folder_is_not_there_is_named_and_left_alone(sdreg, hub, tmp_path, monkeypatch):
    gone = tmp_path / "unplugged"
    monkeypatch.setenv("SDREG_UI_COMFYUI", str(gone))

    told = sdreg.json("install", "civitai:901", "--dry-run", schema="sdreg.plan/1")
    said = sdreg("install", "civitai:901").out

    assert len(told["absent_uis"]) == 1
    assert "comfyui" in told["absent_uis"][0].lower()
    assert told["absent_uis"][0] in said
    assert not gone.exists()


def test_an_address_with_its_hash_and_type(sdreg, hub, noise, comfyui):
    url = f"{hub.address}/made-up/noise/resolve/main/noise.safetensors"

    error = sdreg("install", url, "--sha256", "0" * 64, expect=5)
    (done,) = sdreg.json("install", url, "--sha256", noise.sha256, "--type", "lora", schema=SCHEMA)[
        "files"
    ]

    assert "is not the promised file:\n  expected " in error.err
    assert done["proven"]
    assert (comfyui / "models" / "loras" / "noise.safetensors").is_file()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--sha256", "abc"], "sha256"),
        (["--type", "nonsense"], "--type nonsense is not a type of model"),
        (["--prefer", "nonsense"], "--prefer nonsense is not known"),
    ],
)
def test_a_wrong_flag_is_refused_before_anything_is_asked(sdreg, hub, flags, sentence):
    said, _ = sdreg.error("install", "civitai:901", *flags, expect=2)

    assert sentence in said


def test_when_nothing_fits_every_reason_is_told(sdreg, hub):
    said, hint = sdreg.error("install", "civitai:901", "--format", "gguf", expect=3)

    assert said.startswith("no file of civitai:901 fits what was asked:\n  noise.safetensors ")
    assert "sdreg why civitai:901" in hint


def test_a_checkpoint_tells_how_its_clip_skip_is_set(sdreg, hub, noise, tmp_path):
    source = {"hub": "civitai", "model": "901", "version": "902", "file": "903"}
    file = a_file("noise.safetensors", size_bytes=noise.size_bytes, sources=[source])
    file["hashes"] = {"sha256": noise.sha256}
    model = a_model(
        "noisy",
        clip_skip=2,
        clip_skip_source="the author",
        recommended_vae="none",
        licence="CC0",
        versions=[a_version(files=[file])],
    )
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(a_document(model)))
    sdreg("catalog", "add", path)

    out = sdreg("install", "noisy").out

    assert "(known from: the author)" in out
    assert "a1111: " in out
    assert "comfyui: add the node CLIP Set Last Layer" in out
    assert "  licence        CC0\n" in out


@pytest.mark.parametrize(("answer", "installed"), [("n\n", False), ("\n", True), ("y\n", True)])
def test_somebody_at_a_terminal_is_asked(sdreg, hub, monkeypatch, answer, installed):
    monkeypatch.setattr("sys.stdin", At(answer))

    outcome = sdreg("install", "civitai:901", expect=0 if installed else 130)

    assert "Install? [Y/n]" in outcome.out
    assert bool(Registry.open().catalog.installs.all()) is installed


def test_yes_is_not_asked(sdreg, hub, monkeypatch):
    monkeypatch.setattr("sys.stdin", At(""))

    assert "Install?" not in sdreg("install", "civitai:901", "--yes").out


class At:
    """Standard input of somebody who answers."""

    def __init__(self, answer):
        self._answer = answer

    def isatty(self):
        return True

    def readline(self, *_):
        return self._answer
