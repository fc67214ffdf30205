"""`sdreg link`: what is installed goes into the UIs that are configured now."""

from tests.cli.shell import documented, names_in


def test_link_follows_the_uis_that_are_configured_now(sdreg, installed, tmp_path):
    assert sdreg("link").out == "every link is there\n"
    (tmp_path / "webui").mkdir()
    sdreg("config", "set", "ui.a1111", tmp_path / "webui")

    (told,) = sdreg.json("link", schema="sdreg.link/1")["files"]

    place = tmp_path / "webui" / "models" / "Lora" / "noise.safetensors"
    assert [link["path"] for link in told["new"]] == [str(place)]
    assert names_in(told) <= documented("sdreg.link/1")
    assert place.is_file()
    assert sdreg("link", "civitai-901").out == "every link is there\n"


def test_link_names_what_is_new(sdreg, installed, tmp_path, monkeypatch):
    (tmp_path / "webui").mkdir()
    monkeypatch.setenv("SDREG_UI_A1111", str(tmp_path / "webui"))

    (line,) = sdreg("link").lines

    assert line.startswith(str(tmp_path / "webui" / "models" / "Lora" / "noise.safetensors"))
    assert line.endswith(("(hardlink)", "(reflink)", "(symlink)", "(copy)"))
