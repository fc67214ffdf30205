"""`sdreg config`: every setting, its value, where it comes from."""

import io
import stat

import pytest

from registry.api import Registry
from registry.settings.keys import KEYS
from tests.cli.shell import documented, names_in

SCHEMA = "sdreg.config/1"


def by_key(document):
    return {entry["key"]: entry for entry in document["settings"]}


def test_every_setting_is_shown_with_its_origin(sdreg, monkeypatch):
    monkeypatch.setenv("SDREG_PREFER", "fp32")
    sdreg("config", "set", "limit_rate", "2M")

    told = sdreg.json("config", schema=SCHEMA)
    entries = by_key(told)
    out = sdreg("config").out

    assert told["home"] == str(sdreg.home)
    assert told["file"] == str(sdreg.home / "config.toml")
    assert list(entries) == [key.name for key in KEYS]
    assert (entries["prefer"]["value"], entries["prefer"]["origin"]) == ("fp32", "SDREG_PREFER")
    assert entries["limit_rate"]["value"] == 2_000_000
    assert entries["limit_rate"]["origin"] == told["file"]
    assert entries["durable"]["value"] is True
    assert entries["durable"]["origin"] == "default"
    assert names_in(told) <= documented(SCHEMA)
    assert all(key.name in out and key.about in out for key in KEYS)
    assert " True " not in out
    assert " true " in out


def test_set_get_and_unset(sdreg):
    assert sdreg("config", "get", "prefer").out == "\n"
    assert sdreg("config", "set", "prefer", "fp32").out == "prefer = fp32\n"
    assert sdreg("config", "get", "prefer").out == "fp32\n"
    assert 'prefer = "fp32"' in (sdreg.home / "config.toml").read_text()
    assert sdreg("config", "unset", "prefer").out == "prefer is not set any more\n"
    assert sdreg("config", "unset", "prefer").out == "prefer was not set\n"
    assert sdreg("config", "get", "prefer").out == "\n"


def test_the_same_for_programs(sdreg):
    said = [
        sdreg.json("config", "set", "full", "yes", schema=SCHEMA),
        sdreg.json("config", "get", "full", schema=SCHEMA),
        sdreg.json("config", "unset", "full", schema=SCHEMA),
        sdreg.json("config", "get", "full", schema=SCHEMA),
    ]

    assert said == [
        {"settings": [{"key": "full", "value": True}]},
        {"settings": [{"key": "full", "value": True}]},
        {"settings": [{"key": "full", "value": None}], "was_set": True},
        {"settings": [{"key": "full", "value": False}]},
    ]


def test_json_may_stand_before_the_command_below(sdreg):
    before = sdreg("config", "--json", "get", "prefer")

    assert before == sdreg("config", "get", "prefer", "--json")
    assert before.document["settings"] == [{"key": "prefer", "value": None}]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("prefer", "fp33", "is 'fp33'; it may be fp32, fp16, bf16, fp8, int8, int4, nf4"),
        ("full", "maybe", "is 'maybe'; it may be true or false"),
        ("connections", "0", "is '0'; it may be a number from 1 to 32"),
        ("connections", "33", "is '33'; it may be a number from 1 to 32"),
        ("limit_rate", "fast", "is 'fast'; it may be an amount such as 500K, 20M or 1.5G"),
        ("hf_endpoint", "x", "is 'x'; it may be an address such as https://example.org"),
        (
            "civitai_url",
            "https://me:secret@example.org",
            "holds a user name or password; use `sdreg login` for tokens",
        ),
    ],
)
def test_a_bad_value_is_refused_and_not_written(sdreg, key, value, sentence):
    said, _ = sdreg.error("config", "set", key, value, expect=2)

    assert said == f"the setting {key} in what you gave {sentence}"
    assert not (sdreg.home / "config.toml").exists()


@pytest.mark.parametrize("words", [["get"], ["set", "value"], ["unset"]], ids=lambda w: w[0])
def test_a_setting_that_is_none_is_refused(sdreg, words):
    command, *value = words
    said, _ = sdreg.error("config", command, "nonsense", *value, expect=2)

    assert "nonsense" in said
    assert "is not a setting" in said


def test_a_ui_is_named_by_its_folder(sdreg, tmp_path):
    (tmp_path / "ComfyUI").mkdir()

    sdreg("config", "set", "ui.comfyui", tmp_path / "ComfyUI")
    entry = by_key(sdreg.json("config", schema=SCHEMA))["ui.comfyui"]

    assert entry["value"] == str(tmp_path / "ComfyUI")
    assert entry["variable"] == "SDREG_UI_COMFYUI"
    assert sdreg("config", "get", "ui.comfyui").out == f"{tmp_path / 'ComfyUI'}\n"
    sdreg("config", "unset", "ui.comfyui")
    assert "ui.comfyui" not in by_key(sdreg.json("config", schema=SCHEMA))


def test_a_ui_that_nobody_knows_or_a_folder_that_is_not_there_is_refused(sdreg, tmp_path):
    assert sdreg.error("config", "set", "ui.nonsense", tmp_path, expect=2) == (
        "'ui.nonsense' names no UI",
        "Known are a1111, comfyui, fooocus, sdnext, stabilitymatrix.",
    )
    said, _ = sdreg.error("config", "set", "ui.comfyui", tmp_path / "nowhere", expect=2)
    assert said == f"'{tmp_path / 'nowhere'}' is not a folder"


def test_what_the_user_wrote_by_hand_stays(sdreg):
    (sdreg.home / "config.toml").write_text("# mine\nconnections = 2 # slow line\n")

    sdreg("config", "set", "prefer", "fp32")

    text = (sdreg.home / "config.toml").read_text()
    assert text.startswith("# mine\nconnections = 2 # slow line\n")


@pytest.mark.parametrize("text", ["prefer =", "nonsense = 1", 'prefer = "fp33"', "\xff"])
def test_a_broken_file_is_named(sdreg, text):
    file = sdreg.home / "config.toml"
    file.write_bytes(text.encode("latin-1"))

    said, hint = sdreg.error("config", expect=2)

    assert str(file) in said
    assert hint == "See `sdreg config` for every setting, its value and where it comes from."


@pytest.mark.parametrize("text", ['prefer = "fp33"', "prefer = 1", "nonsense = 1", "ui = 3"])
def test_a_setting_that_cannot_be_used_can_be_mended(sdreg, text):
    file = sdreg.home / "config.toml"
    file.write_text(f"{text}\nconnections = 2\n")
    sdreg.error("list", expect=2)

    sdreg("config", "unset", text.split()[0])

    assert file.read_text() == "connections = 2\n"
    sdreg("list")


def test_a_ui_that_is_no_table_is_refused(sdreg, tmp_path):
    (sdreg.home / "config.toml").write_text("ui = 3\n")

    said, _ = sdreg.error("config", "set", "ui.comfyui", tmp_path, expect=2)

    assert said == f"the setting ui in {sdreg.home / 'config.toml'} is not a table"
    assert sdreg("config", "unset", "ui.comfyui").out == "ui.comfyui was not set\n"


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────

ADDRESS = "mailto://ann:passw0rd@example.org"


def test_an_address_with_a_password_is_kept_for_its_user_and_never_shown(sdreg, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADDRESS}\n"))
    said = [
        sdreg("config", "set", "notify.url", "-"),
        sdreg("config", "get", "notify.url"),
        sdreg("config"),
        sdreg("config", "--json"),
        sdreg("config", "get", "notify.url", "--json"),
    ]

    file = sdreg.home / "config.toml"
    assert said[0].out == "notify.url = ***\n"
    assert file.read_text() == f'[notify]\nurl = "{ADDRESS}"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "passw0rd" not in "".join(each.out + each.err for each in said)
    assert repr(Registry.open().settings).count("passw0rd") == 0
    sdreg("config", "unset", "notify.url")
    assert file.read_text() == ""


def test_an_address_that_is_none_is_refused_without_quoting_it(sdreg):
    said, _ = sdreg.error("config", "set", "notify.url", "ann:passw0rd@example.org", expect=2)

    assert said == (
        "the setting notify.url in what you gave is not a list of addresses such as mailto://…, "
        "each with its ://"
    )


@pytest.mark.parametrize("line", ["mail 'ann", "", "  "])
def test_a_command_that_is_no_command_line_is_refused(sdreg, line):
    said, _ = sdreg.error("config", "set", "notify.command", line, expect=2)

    assert "is no command line: " in said
