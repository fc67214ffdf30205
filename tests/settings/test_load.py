"""Where settings come from and which one wins."""

import pytest

from registry.domain.source import Secret
from registry.domain.variant import FileFormat, Precision
from registry.errors import InvalidSettings
from registry.settings import environment_without_secrets, load
from registry.settings.keys import KEYS, amount


def write(home, text):
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)


def test_without_anything_the_defaults_hold(tmp_path):
    settings = load(tmp_path, {})

    assert settings.home == tmp_path
    assert (settings.civitai_url, settings.prefer, settings.durable) == (None, None, True)
    assert settings.uis == ()


def test_the_home_comes_from_the_environment_unless_it_is_given(tmp_path):
    assert load(None, {"SDREG_HOME": str(tmp_path / "a")}).home == tmp_path / "a"
    assert load(tmp_path / "b", {"SDREG_HOME": str(tmp_path / "a")}).home == tmp_path / "b"


def test_the_environment_wins_over_the_file_and_each_value_knows_its_origin(tmp_path):
    write(tmp_path, 'prefer = "fp32"\nformat = "safetensors"\nconnections = 2\ndurable = false\n')

    settings = load(tmp_path, {"SDREG_PREFER": "bf16", "SDREG_LIMIT_RATE": "1.5M"})

    assert settings.prefer is Precision.BF16
    assert settings.format is FileFormat.SAFETENSORS
    assert (settings.connections, settings.durable) == (2, False)
    assert settings.limit_rate == 1_500_000
    assert settings.origins["prefer"] == "SDREG_PREFER"
    assert settings.origins["connections"] == str(tmp_path / "config.toml")


def test_uis_come_from_the_file_and_the_environment(tmp_path):
    write(tmp_path, f'[ui]\na1111 = "{tmp_path}/webui"\ncomfyui = "{tmp_path}/old"\n')

    settings = load(tmp_path, {"SDREG_UI_COMFYUI": str(tmp_path / "comfy")})

    assert settings.uis == (("a1111", tmp_path / "webui"), ("comfyui", tmp_path / "comfy"))


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert load(tmp_path, {"SDREG_PREFER": "", "HF_TOKEN": "  "}).token("huggingface") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('prefer = "fp12"', "the setting prefer in {file} is 'fp12'; it may be fp32, fp16,"),
        ("colour = 1", "the setting colour in {file} is not a setting"),
        ("connections = 99", "the setting connections in {file} is '99'; it may be a number from"),
        ("connections = true", "the setting connections in {file} is 'true'; it may be a number"),
        ('durable = "perhaps"', "the setting durable in {file} is 'perhaps'; it may be true or"),
        ('civitai_url = "civitai"', "the setting civitai_url in {file} is 'civitai'; it may be an"),
        (
            'civitai_url = "https://me:pw@x.org"',
            "the setting civitai_url in {file} holds a user name or password",
        ),
        ("= =", "the setting * in {file} is not TOML: "),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_place(tmp_path, text, sentence):
    write(tmp_path, text)

    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, {})

    assert str(caught.value).startswith(sentence.format(file=tmp_path / "config.toml"))


def test_a_token_of_the_environment_is_found_and_never_shown(tmp_path):
    settings = load(tmp_path, {"CIVITAI_TOKEN": "very-secret"})

    assert settings.token("civitai").value == "very-secret"
    assert "very-secret" not in repr(settings) + str(settings.token("civitai"))


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "5 parsecs", "1.2.3M"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="it may be an amount such as"):
        amount(text)


def test_every_setting_has_a_variable_of_its_own_and_a_sentence():
    assert len({key.variable for key in KEYS}) == len(KEYS)
    assert all(key.about.endswith(".") for key in KEYS)


def test_who_is_told_stands_in_a_table_of_its_own_and_passwords_show_nowhere(tmp_path):
    write(tmp_path, '[notify]\ncommand = "mail ann"\nurl = ["json://a:pw@x", "json://b:pw@y"]\n')

    settings = load(tmp_path, {"SDREG_NOTIFY_COMMAND": "page ann"})

    assert settings.notify_command == "page ann"
    assert settings.notify_url == Secret("json://a:pw@x json://b:pw@y")
    assert settings.origins["notify.command"] == "SDREG_NOTIFY_COMMAND"
    assert "pw@" not in repr(settings) + str(settings.notify_url)


def test_a_program_of_the_user_gets_the_environment_without_secrets(monkeypatch):
    secrets = {"HF_TOKEN": "a", "CIVITAI_TOKEN": "b", "SDREG_NOTIFY_URL": "json://c@d"}
    for name, value in {**secrets, "SDREG_PREFER": "fp32"}.items():
        monkeypatch.setenv(name, value)

    environment = environment_without_secrets()

    assert environment["SDREG_PREFER"] == "fp32"
    assert set(secrets) & set(environment) == set()
