"""`sdreg login` and `logout`: a token is kept for its user, and shown to nobody."""

import io
import json
import stat

import pytest

from tests.cli.shell import documented, names_in

TOKEN = "hf_very_Secret-0123456789"


@pytest.fixture
def typed(monkeypatch):
    """Puts a text on standard input."""

    def put(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return put


@pytest.mark.parametrize("hub", ["civitai", "huggingface"])
def test_a_token_from_standard_input_is_kept_and_never_shown(sdreg, typed, hub):
    file = sdreg.home / "credentials.json"
    typed(f"{TOKEN}\n")
    said = sdreg("login", hub)
    typed(f"  {TOKEN}  \r\n")
    told = sdreg("login", hub, "--json")

    assert said.out == f"the token for {hub} is kept in {file}\n"
    assert told.document == {"schema": "sdreg.login/1", "hub": hub, "kept_in": str(file)}
    assert TOKEN not in said.out + said.err + told.out + told.err
    assert json.loads(file.read_text()) == {hub: TOKEN}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names_in(told.document) - {"schema"} <= documented("sdreg.login/1")


def test_a_token_shows_nowhere_afterwards(sdreg, typed, hub):
    typed("the-token\n")
    sdreg("login", "civitai")
    hub.demand_token()

    outcomes = [
        sdreg("install", "civitai:901"),
        *(sdreg(*words) for words in (["config"], ["doctor"], ["show", "civitai:901"])),
    ]

    assert not any("the-token" in outcome.out + outcome.err for outcome in outcomes)
    kept = [
        path
        for path in sdreg.home.rglob("*")
        if path.is_file() and b"the-token" in path.read_bytes()
    ]
    assert kept == [sdreg.home / "credentials.json"]


def test_logging_out_forgets_it(sdreg, typed):
    typed(TOKEN)
    sdreg("login", "civitai")

    assert sdreg("logout", "civitai").out == "the token for civitai is forgotten\n"
    assert sdreg("logout", "civitai").out == "no token for civitai was kept\n"
    told = sdreg.json("logout", "civitai", schema="sdreg.logout/1")
    assert told == {"hub": "civitai", "forgotten": False}
    assert TOKEN not in (sdreg.home / "credentials.json").read_text()


@pytest.mark.parametrize("text", ["", "\n", "   \n", "two words\n", "smart–dash\n", "a\x1bb\n"])
def test_what_cannot_be_a_token_is_refused_and_not_kept(sdreg, typed, text):
    typed(text)
    outcome = sdreg("login", "civitai", expect=2)

    assert outcome.err == (
        "sdreg: the token is empty or has odd characters\nhint: Paste it again.\n"
    )
    assert not (sdreg.home / "credentials.json").exists()


@pytest.mark.parametrize("command", ["login", "logout"])
@pytest.mark.parametrize("hub", ["nonsense", "direct", "Civitai", TOKEN])
def test_a_hub_without_a_login_is_refused(sdreg, typed, command, hub):
    typed(TOKEN)

    assert sdreg.error(command, hub, expect=2) == (
        f"'{hub}' is not a hub with a login",
        "It may be civitai or huggingface.",
    )


def test_a_file_that_others_can_read_is_not_used(sdreg, typed):
    typed(TOKEN)
    sdreg("login", "civitai")
    (sdreg.home / "credentials.json").chmod(0o644)

    said, _ = sdreg.error("why", "civitai:424242", expect=2)
    seen = sdreg("doctor", "--offline", expect=1)

    assert "chmod 600" in said
    assert "chmod 600" in seen.out
    assert TOKEN not in said + seen.out + seen.err
