"""A reference is inspected where it lies: its header travels, and nothing is kept."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.errors import (
    GoneFromHub,
    MalformedHeader,
    NoSuitableFile,
    UnknownModel,
    UnreadableFile,
)
from registry.settings import Settings
from tests.formats.gguf_file import gguf
from tests.servers.model_server import ModelServer

KEY = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
LORA = {
    f"{KEY}.lora_down.weight": np.zeros((4, 2048), np.float16),
    f"{KEY}.lora_up.weight": np.zeros((640, 4), np.float16),
    "lora_unet_big.lora_down.weight": np.zeros((1024, 1024), np.float16),
    "lora_unet_big.lora_up.weight": np.zeros((1024, 1024), np.float16),
}
CONTENT = save(LORA, {"note": "x" * 40_000})
HEADER_BYTES = 8 + int.from_bytes(CONTENT[:8], "little")


@pytest.fixture
def hub():
    file = HostedFile(
        CONTENT,
        "ink.safetensors",
        civitai=(901, 902, 903),
        huggingface=("made-up/ink", "ink.safetensors"),
        type="LORA",
        base_model="SD 1.5",
        metadata={"fp": "fp32", "size": "full", "format": "SafeTensor"},
    )
    with EmbeddedHub([file]) as running:
        yield running


@pytest.fixture
def registry(tmp_path, hub):
    return Registry(
        Settings(home=tmp_path / "home", civitai_url=hub.address, hf_endpoint=hub.address)
    )


def stretches(hub):
    """How many bytes of files were asked for."""
    asked = [r.headers["range"] for r in hub.requests if "range" in r.headers]
    spans = [text.removeprefix("bytes=").split("-") for text in asked]
    return {(int(begin), int(end) + 1) for begin, end in spans}


@pytest.mark.parametrize(
    "reference", ["civitai:901", "civitai:@902", "hf:made-up/ink", "hf:made-up/ink:ink.safetensors"]
)
def test_a_model_of_a_hub_is_known_by_its_header_before_it_is_fetched(registry, hub, reference):
    found = registry.inspect(reference)
    known = found.identity

    assert (known.model_type, known.architecture, known.precision) == ("lora", "sdxl", "fp16")
    assert (found.size_bytes, found.tensors) == (len(CONTENT), 4)
    assert found.hashes["sha256"]
    assert stretches(hub) == {(0, 16384), (16384, HEADER_BYTES)}
    assert registry.installed() == ()
    assert list((registry.settings.home / "blobs").rglob("*.*")) == []


def test_what_the_hub_says_is_held_against_the_header(registry):
    assert registry.inspect("civitai:901").contradictions == (
        "published as sd1, but its content is sdxl",
        "published as fp32, but its content is fp16",
    )


def test_a_name_of_the_catalog_is_inspected_at_its_source_and_then_on_the_disk(registry, hub):
    registry.inspect("civitai:901")
    registry.install("civitai-901")
    hub.forget_requests()
    found = registry.inspect("civitai-901")

    assert hub.requests == []
    assert found.path.startswith(str(registry.settings.home))
    assert "published as sd1, but its content is sdxl" in found.contradictions
    assert "published as fp32, but its content is fp16" in found.contradictions


def test_the_next_source_is_asked_when_one_is_gone(registry, hub, tmp_path):
    source = {"hub": "huggingface", "model": "long/gone", "file": "ink.safetensors"}
    other = {"hub": "civitai", "model": "901", "version": "902", "file": "903"}
    file = {"name": "ink.safetensors", "role": "weights", "format": "safetensors"}
    version = {"name": "v1", "files": [{**file, "sources": [source, other]}]}
    model = {"slug": "ink", "name": "Ink", "type": "lora", "versions": [version]}
    path = tmp_path / "ink.json"
    path.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
    registry.catalog_add(path)

    assert registry.inspect("ink").path == "civitai:901@902+903"
    hub.take_down("civitai:901")
    hub.take_down("civitai:@902")
    hub.take_down("civitai:901@902+903")
    with pytest.raises(GoneFromHub):
        registry.inspect("ink")


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


def test_an_address_is_read_by_ranges(registry, server):
    url = server.serve("ink.safetensors", CONTENT)
    found = registry.inspect(url)

    assert found.identity.model_type == "lora"
    assert (found.path, found.hashes) == (url, {})
    assert server.sent_bytes("ink.safetensors") == HEADER_BYTES < len(CONTENT) / 20


def test_a_gguf_file_and_a_torch_zip_are_known_from_afar(registry, server):
    header = gguf({"blk": ("F16", (1024, 2048))}, {"general.architecture": "flux"})
    server.serve("model.gguf", header)
    found = registry.inspect(server.url("model.gguf"))

    assert (found.format, found.identity.architecture) == ("gguf", "flux")
    assert server.sent_bytes("model.gguf") < 40_000 < len(header)

    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 9, 9, 10, 0) + b"m/data.pkl"
    server.serve("model.ckpt", local + bytes(100_000))
    found = registry.inspect(server.url("model.ckpt"))

    assert (found.format, found.identity.model_type) == ("pickle", "unknown")
    assert "what is in a pickle is told when the file is here" in found.reasons


def test_a_page_in_place_of_the_file_is_named(registry, server):
    server.serve("ink.safetensors", b"<!doctype html><title>Log in</title>")

    assert registry.inspect(server.url("ink.safetensors")).what == 'an HTML page ("Log in")'


def test_a_broken_header_is_refused_from_afar_too(registry, server):
    server.serve("ink.safetensors", CONTENT[:-7])

    with pytest.raises(MalformedHeader, match="it is cut off"):
        registry.inspect(server.url("ink.safetensors"))


def test_a_server_that_ignores_ranges_still_tells_the_header(registry, server):
    url = server.serve("ink.safetensors", CONTENT, ranges=False)

    assert registry.inspect(url).tensors == 4


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nonsense", UnknownModel),
        ("nonsense.safetensors", UnreadableFile),
        ("./nonsense", UnreadableFile),
        ("models/nonsense.ckpt", UnreadableFile),
    ],
)
def test_what_is_neither_a_file_nor_a_model_is_told_as_what_it_looks_like(registry, text, error):
    with pytest.raises(error):
        registry.inspect(text)


def test_a_model_without_a_file_of_weights_has_nothing_to_inspect(registry, tmp_path):
    model = {"slug": "empty", "name": "Empty", "type": "lora", "versions": []}
    path = tmp_path / "empty.json"
    path.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
    registry.catalog_add(path)

    with pytest.raises(NoSuitableFile):
        registry.inspect("empty")
