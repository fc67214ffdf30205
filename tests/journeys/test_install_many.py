"""Several models by one command: real processes, a real server."""

import hashlib
import signal

import pytest

from registry.demo.hub import EmbeddedHub
from tests.journeys.test_install import MIB, Shell, weights
from tests.servers.model_server import ModelServer


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


@pytest.fixture
def shell(tmp_path):
    with EmbeddedHub([]) as hub:
        yield Shell(tmp_path, hub)


def listed(server, tmp_path, contents):
    """A list of addresses with hashes, and the hashes."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    lines = [f"{server.serve(name, contents[name])} {hashes[name]}" for name in contents]
    path = tmp_path / "models.txt"
    path.write_text("\n".join(lines), "utf-8")
    return path, hashes


def test_a_list_of_models_is_installed_and_proven(shell, server, tmp_path):
    contents = {f"m{n}.safetensors": weights(tmp_path, seed=n) for n in range(12)}
    path, hashes = listed(server, tmp_path, contents)

    document = shell("install", "--from-file", str(path), "--jobs", "8")

    installs = document["installs"]
    assert document["schema"] == "sdreg.installs/1"
    assert [each["files"][0]["sha256"] for each in installs] == list(hashes.values())
    assert all(each["files"][0]["proven"] for each in installs)
    assert sorted(blob.name for blob in shell.blobs()) == sorted(hashes.values())


def test_one_that_fails_does_not_stop_the_others(shell, server, tmp_path):
    good, bad = weights(tmp_path, seed=1), weights(tmp_path, seed=2)
    url = server.serve("good.safetensors", good)
    wrong = server.serve("bad.safetensors", bad)
    path = tmp_path / "models.txt"
    digest = hashlib.sha256(good).hexdigest()
    path.write_text(f"{wrong} {'0' * 64}\n{url} {digest}\n", "utf-8")

    document = shell("install", "--from-file", str(path), expect=5)

    first, second = document["installs"]
    assert first["error"]["exit_code"] == 5
    assert second["files"][0]["sha256"] == digest
    assert [blob.name for blob in shell.blobs()] == [digest]


def test_an_interrupted_list_goes_on_where_it_was(shell, server, tmp_path):
    contents = {f"m{n}.safetensors": weights(tmp_path, megabytes=24, seed=n) for n in range(2)}
    path, hashes = listed(server, tmp_path, contents)
    for name in contents:
        server.change(name, rate=8 * MIB)
    process = shell.start("install", "--from-file", str(path), "--yes")
    journals = shell.home / "partial"
    while process.poll() is None:
        if len(list(journals.glob("*.journal"))) == len(contents):
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    before = {name: server.sent_bytes(name) for name in contents}
    for name in contents:
        server.change(name, rate=None)

    document = shell("install", "--from-file", str(path))

    assert [each["files"][0]["sha256"] for each in document["installs"]] == list(hashes.values())
    for name, content in contents.items():
        assert server.sent_bytes(name) - before[name] < len(content)


@pytest.mark.parametrize("words", [("--sha256", "0" * 64), ("--file", "x"), ("--version", "1")])
def test_what_is_about_one_model_is_refused_for_several(shell, words):
    document = shell("install", "a", "b", *words, expect=2)

    assert document["code"] == "invalid-argument"
