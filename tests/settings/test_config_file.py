"""Writing settings keeps what the user wrote by hand."""

import pytest

from registry.errors import InvalidSettings, StoreUnwritable
from registry.settings import load
from registry.settings.config_file import set_value, unset_value


def test_a_value_is_set_read_and_taken_out_again(tmp_path):
    file = tmp_path / "home" / "config.toml"
    set_value(file, "prefer", "fp32")
    set_value(file, "durable", "no")
    set_value(file, "ui.comfyui", str(tmp_path / "comfy"))

    settings = load(file.parent, {})
    assert (str(settings.prefer), settings.durable) == ("fp32", False)
    assert settings.uis == (("comfyui", tmp_path / "comfy"),)

    assert unset_value(file, "ui.comfyui")
    assert not unset_value(file, "ui.comfyui")
    assert load(file.parent, {}).uis == ()


def test_comments_and_the_order_of_lines_stay(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('# my own words\nprefer = "fp16"  # because\n')

    set_value(file, "connections", "2")

    assert file.read_text() == '# my own words\nprefer = "fp16"  # because\nconnections = "2"\n'


def test_a_wrong_value_changes_nothing(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("connections = 3\n")

    with pytest.raises(InvalidSettings):
        set_value(file, "connections", "many")
    with pytest.raises(InvalidSettings):
        set_value(file, "colour", "red")

    assert file.read_text() == "connections = 3\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "home").write_text("a file, not a folder")

    with pytest.raises(StoreUnwritable, match="home"):
        set_value(tmp_path / "home" / "config.toml", "prefer", "fp32")
