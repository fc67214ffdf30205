"""Shared options, and what a shell is told when somebody presses Tab."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli import options
from registry.cli.config_command import complete_keys
from registry.cli.login_command import complete_hubs

ROOT = Path(__file__).parents[2]


def completed(*words, shell="bash", **variables):
    """What Tab would offer for the last of these words."""
    line = " ".join(["sdreg", *words])
    protocol = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words))},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = subprocess.run(
        [sys.executable, "-m", "registry"],
        cwd=ROOT,
        env={**os.environ, "_SDREG_COMPLETE": f"complete_{shell}", **protocol, **variables},  # noqa: TID251 -- what a child process needs
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("command", ["install", "show", "why"])
def test_names_of_models_are_completed(sdreg, command):
    assert completed(command, "anyth") == ["anything-v3", "anything-v5"]


def test_commands_are_completed(sdreg):
    assert completed("l") == ["list", "link", "login", "logout"]
    assert completed("catalog", "e") == ["export"]


def test_types_settings_and_hubs_are_completed(sdreg):
    assert completed("list", "--type", "l") == ["lora", "lycoris"]
    assert completed("config", "set", "ui.c") == ["ui.comfyui"]
    assert completed("login", "c") == ["civitai"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_in_their_way(sdreg, shell):
    offered = completed("show", "inkp", shell=shell)

    assert any("inkpunk-diffusion" in word for word in offered)


def test_where_nothing_can_be_known_nothing_is_offered(sdreg, tmp_path):
    (tmp_path / "file").touch()

    assert completed("show", "any", SDREG_HOME=str(tmp_path / "file")) == []
    assert completed("show", "any", SDREG_PREFER="nonsense") == []


def test_what_is_installed_is_completed(sdreg, hub):
    sdreg("install", "civitai:901")

    assert completed("remove", "") == ["civitai-901"]
    assert completed("path", "x") == []


def test_the_functions_themselves(sdreg):
    assert options.complete_models("inkp") == ["inkpunk-diffusion"]
    assert options.complete_installed("") == []
    assert options.complete_types("check") == ["checkpoint"]
    assert complete_hubs("") == ["civitai", "huggingface"]
    assert complete_keys("ui.a") == ["ui.a1111"]
    assert complete_keys("pre") == ["prefer"]
