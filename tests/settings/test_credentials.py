"""Tokens are kept where only the user can read them."""

import stat

import pytest

from registry.domain.source import Secret
from registry.errors import InvalidSettings
from registry.settings import credentials, load


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch):
    # The system's keyring is not ours to write to.
    monkeypatch.setattr(credentials, "find_spec", lambda name: None)


def test_a_token_is_kept_found_and_forgotten(tmp_path):
    kept = credentials.store(tmp_path, "civitai", Secret("abc"))

    assert kept == str(tmp_path / "credentials.json")
    assert load(tmp_path, {}).token("civitai").value == "abc"
    assert load(tmp_path, {"CIVITAI_TOKEN": "env"}).token("civitai").value == "env"
    assert credentials.forget(tmp_path, "civitai")
    assert not credentials.forget(tmp_path, "civitai")
    assert load(tmp_path, {}).token("civitai") is None


def test_the_file_is_for_the_user_alone_from_its_first_moment(tmp_path):
    credentials.store(tmp_path, "civitai", Secret("abc"))

    assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path):
    credentials.store(tmp_path, "civitai", Secret("abc"))
    (tmp_path / "credentials.json").chmod(0o644)

    with pytest.raises(InvalidSettings, match="chmod 600"):
        credentials.stored(tmp_path, "civitai")


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_a_broken_file_is_named_and_kept(tmp_path, text):
    file = tmp_path / "credentials.json"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)

    with pytest.raises(InvalidSettings, match="is not the JSON"):
        credentials.stored(tmp_path, "civitai")
    assert file.read_bytes() == text.encode("latin-1")
