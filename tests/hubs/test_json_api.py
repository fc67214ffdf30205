import gzip
import logging

import pytest

from registry.errors import (
    AccessDenied,
    GoneFromHub,
    HubUnreachable,
    InvalidSettings,
    LoginRequired,
    RateLimited,
    UnexpectedAnswer,
)
from registry.hubs.hub import HubSettings, address_of
from registry.hubs.json_api import MAX_BODY_BYTES, JsonApi
from tests.hubs.scripted_api import TOKEN, Reply, ScriptedApi


@pytest.fixture
def ask(api, settings_for):
    """Ask the scripted server for /x."""

    def get(token=None, path="/x", **changes):
        client = JsonApi("civitai", api.address, settings_for(api.address, token=token, **changes))
        return client.get(path, what="civitai:66")

    return get


def test_an_answer_is_asked_for_once_and_remembered(api, settings_for):
    api.on("/x", Reply(body={"a": [1, None]}))
    client = JsonApi("civitai", api.address, settings_for(api.address))

    assert client.get("/x", what="x") == client.get("/x", what="x") == {"a": [1, None]}
    assert len(api.seen) == 1


def test_we_say_who_we_are_without_a_word_of_a_browser(api, ask):
    api.on("/x", Reply(body={}))

    ask(user_agent="sdreg/1.2")

    assert api.seen[0].headers["user-agent"] == "sdreg/1.2"
    assert "authorization" not in api.seen[0].headers


def test_a_token_travels_in_a_header_and_not_in_the_address(api, ask):
    api.on("/x", Reply(body={}))

    ask(token=TOKEN)

    assert api.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in api.seen[0].path


def test_a_busy_server_is_asked_again_after_the_time_it_names(api, ask, waits):
    api.on("/x", Reply(429, {}, {"Retry-After": "7"}), Reply(body={"ok": True}))

    assert ask() == {"ok": True}
    assert waits == [7]


def test_a_server_that_wants_us_gone_for_long_is_not_waited_for(api, ask, waits):
    api.on("/x", Reply(429, {"error": "too many pages"}, {"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as caught:
        ask()

    assert caught.value.wait_s == 3600
    assert waits == []


def test_errors_of_the_server_are_waited_out(api, ask, waits):
    api.on("/x", Reply(500, b"<h1>oops</h1>"), Reply(503, b""), Reply(body={"ok": 1}))

    assert ask() == {"ok": 1}
    assert waits == [0.5, 1.0]


def test_a_server_that_stays_broken_is_given_up(api, ask, waits):
    api.on("/x", Reply(502, b"<html>Bad gateway</html>"))

    with pytest.raises(HubUnreachable, match="status 502"):
        ask()

    assert len(waits) == 3


def test_nobody_listening_is_said_so(settings_for, waits):
    with ScriptedApi() as gone:
        address = gone.address

    with pytest.raises(HubUnreachable, match=r"civitai cannot be reached: .*refused"):
        JsonApi("civitai", address, settings_for(address)).get("/x", what="x")

    assert len(waits) == 3


def test_a_404_may_be_passing_and_is_asked_about_twice(api, ask, waits):
    api.on("/x", Reply(404, {"error": "No model with id 66"}), Reply(body={"ok": 1}))

    assert ask() == {"ok": 1}
    assert waits == [0.5]


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (Reply(401, {"error": "Unauthorized"}), LoginRequired, "only to users who are logged in"),
        (
            Reply(
                401, {"message": "The creator of this asset has disabled downloads on this file"}
            ),
            AccessDenied,
            "has disabled downloads",
        ),
        (
            Reply(403, {"error": "Early Access", "deadline": "2027-01-02T00:00:00Z"}),
            AccessDenied,
            "early access until 2027-01-02",
        ),
        (Reply(403, {"error": "Forbidden"}), AccessDenied, "Forbidden"),
        (Reply(403, b"<html>Just a moment</html>"), AccessDenied, "forbids it"),
        (Reply(404, {"error": "No model with id 66"}), GoneFromHub, "No model with id 66"),
        (Reply(404, {"error": ["odd"]}), GoneFromHub, "nothing under this address"),
        (Reply(410, {"error": "Model archived"}), GoneFromHub, "Model archived"),
        (Reply(451, b""), AccessDenied, "in your country"),
        (Reply(400, {"error": "Missing hash"}), UnexpectedAnswer, "status 400 Missing hash"),
        (Reply(200, b"<title>Sign in</title>"), LoginRequired, "logged in"),
        (Reply(200, b"<!doctype html><title>Hello\x1b[2J</title>"), UnexpectedAnswer, "“Hello[2J”"),
        (Reply(200, b"not json"), UnexpectedAnswer, "no JSON"),
        (Reply(200, b""), UnexpectedAnswer, "no JSON"),
        (Reply(200, b"\xff\xfe\x00"), UnexpectedAnswer, "no JSON"),
        (Reply(200, b'{"a": NaN}'), UnexpectedAnswer, "no JSON"),
        (Reply(200, b"1" * 5000), UnexpectedAnswer, "no JSON"),
        (Reply(200, b"[" * 200_000), UnexpectedAnswer, "without end"),
        (Reply(302, b"", {"Location": "/login?returnUrl=/x"}), LoginRequired, "logged in"),
        (Reply(302, b"", {"Location": "/x"}), UnexpectedAnswer, "in circles"),
        (Reply(302, b"", {"Location": "http://localhost:1/x"}), UnexpectedAnswer, "localhost"),
        (Reply(302, b"", {"Location": "file:///etc/passwd"}), UnexpectedAnswer, "another host"),
        (Reply(200, b"{}", {"Content-Encoding": "gzip"}), UnexpectedAnswer, "broken encoding"),
    ],
)
def test_each_refusal_has_its_own_name(api, ask, reply, error, text):
    api.on("/x", reply)

    with pytest.raises(error) as caught:
        ask()

    assert text in str(caught.value)
    assert caught.value.hint is not None or error is AccessDenied
    assert "\x1b" not in str(caught.value)


def test_a_token_that_is_refused_is_not_asked_for_again(api, ask):
    api.on("/x", Reply(401, {"error": "Unauthorized"}))

    with pytest.raises(AccessDenied, match="does not accept the token") as caught:
        ask(token=TOKEN)

    assert "sdreg login civitai" in caught.value.hint


def test_a_redirect_on_the_same_host_is_followed_with_the_token(api, ask):
    api.on("/x", Reply(307, b"", {"Location": "/y"}))
    api.on("/y", Reply(body={"ok": 1}))

    assert ask(token=TOKEN) == {"ok": 1}
    assert [seen.headers["authorization"] for seen in api.seen] == [f"Bearer {TOKEN}"] * 2


def test_no_other_host_is_asked_so_none_sees_the_token(api, ask):
    api.on("/x", Reply(307, b"", {"Location": f"http://localhost:{api.port}/y"}))

    with pytest.raises(UnexpectedAnswer, match="another host, localhost"):
        ask(token=TOKEN)

    assert [seen.host for seen in api.seen] == ["127.0.0.1"]


def test_a_body_without_end_is_not_read_to_the_end(api, ask):
    api.on("/x", Reply(200, b'"' + b"a" * MAX_BODY_BYTES + b'"'))

    with pytest.raises(UnexpectedAnswer, match="more than 16,777,216 bytes"):
        ask()


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused(api, ask):
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES * 2))
    api.on("/x", Reply(200, bomb, {"Content-Encoding": "gzip"}))

    with pytest.raises(UnexpectedAnswer, match="more than"):
        ask()


@pytest.mark.parametrize("token", ["two\nlines", "with space", "ümlaut", " "])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(api, ask, token, caplog):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(AccessDenied) as caught:
        ask(token=token)

    shown = f"{caught.value} {caught.value!r} {caught.value.hint} {caplog.text}"
    assert token.strip() == "" or token not in shown
    assert api.seen == []


@pytest.mark.parametrize(
    "address",
    ["ftp://civitai.com", "civitai.com", "https://", "https://me:pw@civitai.com", "https://a?b=c"],
)
def test_an_address_that_is_none_is_a_wrong_setting(address):
    with pytest.raises(InvalidSettings) as caught:
        address_of("Civitai", HubSettings(address=address), "https://civitai.com")

    assert "pw" not in str(caught.value)
