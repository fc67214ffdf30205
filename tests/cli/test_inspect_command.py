"""`sdreg inspect`: what people and programs are told about a file."""

import numpy as np
import pytest
from safetensors.numpy import save

from tests.cli.shell import documented, names_in

PROMISED = {
    "path",
    "format",
    "type",
    "architecture",
    "precision",
    "pruning",
    "size_bytes",
    "tensors",
    "hashes",
    "metadata",
    "reasons",
    "contradictions",
}


@pytest.fixture
def embedding(tmp_path):
    path = tmp_path / "negative-fp16.safetensors"
    weights = {"emb_params": np.ones((8, 768), np.float32)}
    path.write_bytes(save(weights, {"modelspec.trigger_phrase": "bad\x1b[2J", "z": "y" * 999}))
    return path


def test_a_program_gets_what_is_documented(sdreg, embedding):
    found = sdreg.json("inspect", embedding, schema="sdreg.inspect/1")

    assert set(found) >= PROMISED
    assert names_in({**found, "metadata": {}}) <= documented("sdreg.inspect/1")
    assert (found["format"], found["type"], found["architecture"]) == (
        "safetensors",
        "embedding",
        "sd1",
    )
    assert (found["precision"], found["pruning"], found["tensors"]) == ("fp32", None, 1)
    assert found["contradictions"] == ["its name says fp16, but its content is fp32"]
    assert found["metadata"]["modelspec.trigger_phrase"] == "bad\x1b[2J"
    assert len(found["hashes"]["sha256"]) == 64


def test_a_person_gets_the_same_in_words_and_no_signs_that_drive_a_terminal(sdreg, embedding):
    said = sdreg("inspect", embedding)

    assert said.lines[0] == f"{embedding}: a safetensors file, 25.7 kB"
    assert "  type           embedding" in said.lines
    assert "  but            its name says fp16, but its content is fp32" in said.lines
    assert any("(999 signs)" in line for line in said.lines)
    assert "\x1b" not in said.out
    assert said.err == ""


def test_hashes_and_a_deep_look_are_to_be_had(sdreg, embedding):
    assert sdreg.json("inspect", embedding, "--no-hashes", schema="sdreg.inspect/1")["hashes"] == {}
    deep = sdreg.json("inspect", embedding, "--deep", "--hashes", schema="sdreg.inspect/1")

    assert deep["not_numbers"] == []
    assert "every weight is a number" in sdreg("inspect", embedding, "--deep").out


def test_a_file_at_a_hub_is_inspected_without_installing_it(sdreg, hub, noise):
    found = sdreg.json("inspect", "civitai:901", schema="sdreg.inspect/1")

    assert (found["path"], found["size_bytes"]) == ("civitai:901@902+903", noise.size_bytes)
    assert not sdreg.json("list", "--installed", schema="sdreg.list/1")["models"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("a.safetensors", b"\xff" * 20, 7), ("nothing", None, 2), ("nothing.ckpt", None, 7)],
)
def test_a_refusal_says_why(sdreg, tmp_path, name, content, code):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    subject = tmp_path / name if content is not None else name

    sentence, hint = sdreg.error("inspect", subject, expect=code)

    assert name in sentence
    assert hint


def test_a_torch_file_and_a_page_are_told_apart(sdreg, tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"<html><title>Sorry</title>")

    found = sdreg.json("inspect", tmp_path / "model.ckpt", schema="sdreg.inspect/1")

    assert (found["format"], found["type"]) == ("other", "unknown")
    assert found["what"] == 'an HTML page ("Sorry")'


def test_show_tells_what_a_hub_said_wrongly(sdreg, hub, noise):
    sdreg("install", "civitai:901")
    slug = sdreg.json("show", "civitai:901", schema="sdreg.show/1")["slug"]
    (file,) = sdreg.json("show", slug, schema="sdreg.show/1")["files"]

    assert file["contradictions"] == []
    assert file["precision"] == "fp16"
