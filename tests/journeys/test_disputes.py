"""Wrong bytes through the command line: refused, explained, accepted, and never called proven."""

import hashlib
import json
from pathlib import Path

import pytest

from registry.demo.hub import EmbeddedHub
from tests.journeys.test_install import MIB, Shell, weights
from tests.servers.model_server import ModelServer, Trouble
from tests.servers.unreliable import Unreliable


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


@pytest.fixture
def mirror():
    with ModelServer() as running:
        yield running


@pytest.fixture
def sdreg(tmp_path):
    with EmbeddedHub([]) as hub:
        yield Shell(tmp_path, hub)


def publish(sdreg, folder, content, *urls):
    """A catalog that promises `content` at these addresses, which the user has typed before."""
    for url in urls:
        sdreg("show", url)
    file = {
        "name": "noise.safetensors",
        "role": "weights",
        "format": "safetensors",
        "size_bytes": len(content),
        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
        "sources": [{"hub": "direct", "url": url} for url in urls],
    }
    model = {"slug": "noise", "name": "Noise", "type": "lora", "base": "sd1"}
    model["versions"] = [{"name": "v1", "files": [file]}]
    path = folder / "promised.json"
    path.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
    sdreg("catalog", "add", str(path))


def test_a_disputed_hash_is_refused_then_accepted_and_said_for_ever(
    tmp_path, sdreg, server, mirror
):
    promised, real = weights(tmp_path, seed=1), weights(tmp_path, seed=2)
    seen = hashlib.sha256(real).hexdigest()
    urls = [each.serve("noise.safetensors", real) for each in (server, mirror)]
    publish(sdreg, tmp_path, promised, *urls)

    error = sdreg("install", "noise", expect=5)
    assert sdreg.links() == sdreg.blobs() == []
    (told,) = sdreg("show", "noise")["disputes"]
    wrong = sdreg("install", "noise", "--accept-disputed", "1" * 64, expect=5)
    (done,) = sdreg("install", "noise", "--accept-disputed", seen)["files"]
    (again,) = sdreg("install", "noise")["files"]
    (shown,) = sdreg("show", "noise")["disputes"]
    audit = sdreg("verify", "noise")
    said = sdreg.start("verify", "noise").communicate(timeout=60)[0]

    assert error["code"] == wrong["code"] == "hash-disputed"
    facts = error["facts"]
    assert facts["cause"] == "wrong-hash"
    assert facts["expected"] == f"sha256:{hashlib.sha256(promised).hexdigest()}"
    assert (facts["got"], facts["sources"]) == (f"sha256:{seen}", urls)
    assert Path(facts["kept_at"]).parent == sdreg.home / "quarantine"
    assert f"--accept-disputed {seen}" in error["hint"]
    assert told["accepted_at"] is None
    assert (done["status"], done["proven"], done["sha256"]) == ("installed", False, seen)
    assert done["disputed"][0]["promised"] == facts["expected"]
    assert (again["status"], again["proven"]) == ("already-installed", False)
    assert shown["accepted_at"] is not None
    assert audit["findings"] == []
    assert audit["disputed"][0]["seen"] == f"sha256:{seen}"
    assert "ok           noise.safetensors (not proven: disputed, accepted by you)" in said


def test_a_mirror_goes_on_where_another_died_and_mends_what_it_had_damaged(
    tmp_path, sdreg, server, mirror
):
    content = weights(tmp_path, megabytes=24)
    dying = server.serve(
        "noise.safetensors",
        Unreliable(content, {6 * MIB: None}),
        cut_at=14 * MIB,
        troubles=(Trouble(500, after=1),),
    )
    good = mirror.serve("noise.safetensors", content)
    publish(sdreg, tmp_path, content, dying, good)

    (done,) = sdreg("install", "noise")["files"]

    assert done["proven"]
    assert Path(done["path"]).read_bytes() == content
    assert mirror.sent_bytes("noise.safetensors") == len(content), "no piece was asked twice"
    assert list((sdreg.home / "partial").glob("[!.]*")) == []


def test_an_accepted_hash_must_be_one(sdreg):
    error = sdreg("install", "noise", "--accept-disputed", "yes", expect=2)

    assert error["code"] == "invalid-argument"
    assert error["message"].startswith("--accept-disputed is not a SHA-256")


def test_a_hash_that_the_user_mistyped_names_the_one_that_was_seen(tmp_path, sdreg, server):
    content = weights(tmp_path)
    url = server.serve("noise.safetensors", content)

    error = sdreg("install", url, "--sha256", "0" * 64, expect=5)

    assert error["facts"]["got"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert server.sent_bytes("noise.safetensors") == 2 * len(content)
