"""Whether a hub can be reached: asked once, without a token, and told in words."""

import pytest

from registry.hubs.reach import reach
from tests.servers.model_server import ModelServer, Trouble


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


def ask(address, **changes):
    return reach(address, user_agent="sdreg-test/1", **changes)


def test_a_hub_that_answers_at_all_is_reached_and_sees_no_token(server):
    found = ask(server.address)

    assert (found.trouble, found.proxy) == (None, None)
    (request,) = server.requests
    assert request.headers["user-agent"] == "sdreg-test/1"
    assert "authorization" not in request.headers


def test_a_hub_that_is_broken_says_with_which_status(server):
    server.serve("", b"", troubles=(Trouble(503),))

    assert ask(server.address).trouble == "it answers with status 503"


def test_where_nobody_listens_nobody_answers():
    assert "refused" in ask("http://127.0.0.1:9").trouble


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_the_proxy_between_is_named_without_its_password(server, monkeypatch, variable):
    monkeypatch.setenv(variable, f"http://me:secret@{server.address.removeprefix('http://')}")

    found = ask("http://hub.example")

    assert found.proxy == server.address.removeprefix("http://")
    assert found.trouble is None
    assert len(server.requests) == 1


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch):
    monkeypatch.setenv("http_proxy", "gopher://proxy.example:70")

    found = ask("http://hub.example")

    assert "proxy" in found.trouble
    assert found.proxy == "proxy.example:70"


def test_this_machine_is_asked_without_a_proxy(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")

    assert ask(server.address).proxy is None
    assert len(server.requests) == 1
