"""`sdreg path`: where an installed model lies."""

import pytest

from tests.cli.shell import documented, names_in


def test_path_prints_links_or_the_stored_file(sdreg, installed):
    told = sdreg.json("path", "civitai-901", schema="sdreg.path/1")

    assert sdreg("path", "civitai-901").lines == [link["path"] for link in installed["links"]]
    assert sdreg("path", "civitai-901", "--blob").lines == [installed["path"]]
    assert sdreg("path", installed["sha256"]).lines == sdreg("path", "noise.safetensors").lines
    assert names_in(told) <= documented("sdreg.path/1")
    assert told["files"][0]["source"] == "civitai:901@902+903"


@pytest.mark.parametrize("command", ["path", "remove", "link", "verify", "repair"])
def test_what_is_not_installed_is_refused(sdreg, command):
    assert sdreg.error(command, "anything-v3", expect=2) == (
        "nothing called 'anything-v3' is installed",
        "`sdreg list --installed` shows what is; `sdreg install anything-v3` brings it in.",
    )
