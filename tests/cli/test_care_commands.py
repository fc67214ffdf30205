"""What is installed: where it lies, whether it is well, and how it goes away."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from tests.cli.shell import documented, names_in


@pytest.fixture
def installed(sdreg, hub):
    """The one installed file, as `install` told it."""
    (file,) = sdreg.json("install", "civitai:901", schema="sdreg.install/1")["files"]
    return file


np = pytest.importorskip("numpy")


def damage(file):
    path = Path(file["path"])
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


# ── path ──────────────────────────────────────────────────────────────────────────────────────────


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


# ── link ──────────────────────────────────────────────────────────────────────────────────────────


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


# ── verify and repair ─────────────────────────────────────────────────────────────────────────────


def test_verify_reads_every_byte(sdreg, installed):
    told = sdreg.json("verify", schema="sdreg.audit/1")

    assert told["checked"] == 1
    assert told["bytes"] >= installed["size_bytes"]
    assert told["findings"] == []
    assert set(told) <= documented("sdreg.audit/1")
    assert sdreg("verify", "civitai-901", "--deep").lines[0] == "ok       noise.safetensors"


def test_damage_is_found_and_mended(sdreg, installed):
    damage(installed)

    found = sdreg.json("verify", schema="sdreg.audit/1", expect=1)
    said = sdreg("verify", expect=1).out
    mended = sdreg.json("repair", schema="sdreg.repair/1")
    again = sdreg("repair").out

    damaged = [finding for finding in found["findings"] if finding["kind"] == "damaged"]
    assert damaged[0]["pieces"] == [0]
    assert damaged[0]["reference"] == "civitai:901"
    assert names_in(found) <= documented("sdreg.audit/1")
    assert "damaged  noise.safetensors: " in said
    (repaired,) = mended["repaired"]
    assert repaired["path"] == installed["path"]
    assert repaired["source"].startswith("civitai:901")
    assert mended["failed"] == []
    assert names_in(mended) <= documented("sdreg.repair/1")
    assert again == "nothing is damaged\n"
    sdreg("verify")


def test_what_cannot_be_mended_is_named_and_exits_with_1(sdreg, installed, hub):
    damage(installed)
    hub.take_down("civitai:901")
    hub.take_down("hf:made-up/noise")

    told = sdreg.json("repair", schema="sdreg.repair/1", expect=1)
    said = sdreg("repair", expect=1).out

    assert told["repaired"] == []
    assert told["failed"][0]["because"]
    assert names_in(told) <= documented("sdreg.repair/1") | documented("sdreg.audit/1")
    assert said.startswith("not repaired: noise.safetensors: ")


def test_nothing_installed_is_well(sdreg):
    assert sdreg("verify").out == "0 files, 0 bytes read\n"
    assert sdreg("repair").out == "nothing is damaged\n"


# ── remove ────────────────────────────────────────────────────────────────────────────────────────


def test_remove_takes_links_and_bytes_away(sdreg, installed):
    assert sdreg("remove", "civitai-901").out.startswith("removed noise.safetensors, 200 kB freed")
    assert not Path(installed["path"]).exists()
    assert not any(Path(link["path"]).exists() for link in installed["links"])
    sdreg("path", "civitai-901", expect=2)


def test_remove_leaves_what_is_not_ours_any_more(sdreg, installed):
    place = Path(installed["links"][0]["path"])
    place.unlink()
    place.write_bytes(b"my own work")

    told = sdreg.json("remove", "civitai-901", schema="sdreg.remove/1")

    assert place.read_bytes() == b"my own work"
    assert told["files"][0]["left"] == [str(place)]
    assert names_in(told) <= documented("sdreg.remove/1")


# ── doctor and downloads ──────────────────────────────────────────────────────────────────────────


def test_the_doctor_finds_a_healthy_home_healthy(sdreg, installed):
    told = sdreg.json("doctor", schema="sdreg.doctor/1")

    assert {check["health"] for check in told["checks"]} <= {"good", "note"}
    assert names_in(told) <= documented("sdreg.doctor/1")
    assert all(check["remedy"] for check in told["checks"] if check["health"] == "note")


def test_the_doctor_names_what_is_missing_and_its_remedy(sdreg, installed):
    Path(installed["path"]).unlink()

    told = sdreg.json("doctor", schema="sdreg.doctor/1", expect=1)
    said = sdreg("doctor", expect=1).out

    (bad,) = [check for check in told["checks"] if check["health"] == "bad"]
    assert "noise.safetensors" in bad["says"]
    assert f"bad   {bad['what']}: {bad['says']}\n      → {bad['remedy']}\n" in said


def test_the_doctor_misses_a_ui(sdreg, tmp_path, monkeypatch):
    monkeypatch.setenv("SDREG_UI_COMFYUI", str(tmp_path / "nowhere"))

    assert "does not exist" in sdreg("doctor", expect=1).out


def test_no_download_is_unfinished(sdreg):
    assert sdreg("downloads").out == "no download is unfinished\n"
    assert sdreg.json("downloads", "clear", schema="sdreg.downloads/1") == {"downloads": []}


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_an_interrupted_install_is_listed_goes_on_or_is_dropped(sdreg, tmp_path, monkeypatch):
    content = np.random.default_rng(3).integers(0, 255, 16 * 1024 * 1024, dtype=np.uint8)
    write_safetensors(tmp_path / "big.safetensors", {"noise": content.view(np.float16)})
    big = HostedFile(
        tmp_path / "big.safetensors", "big.safetensors", civitai=(901, 902, 903), type="LORA"
    )
    with EmbeddedHub([big]) as hub:
        monkeypatch.setenv("SDREG_CIVITAI_URL", hub.address)
        monkeypatch.setenv("SDREG_LIMIT_RATE", "8M")
        child = subprocess.Popen(
            [sys.executable, "-m", "registry", "install", "civitai:901"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_a_piece(sdreg.home / "partial", child)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)

    assert child.returncode == 130
    assert err.endswith(
        "sdreg: interrupted\nhint: Run the same command again: it goes on where it was.\n"
    )
    (shown,) = sdreg.json("downloads", schema="sdreg.downloads/1")["downloads"]
    line = sdreg("downloads", "clear").out
    assert names_in(shown) <= documented("sdreg.downloads/1")
    assert 0 < shown["done_bytes"] < shown["size_bytes"] == big.size_bytes
    assert shown["dropped"] is False
    assert line.startswith("dropped ")
    assert line.endswith(" of 16.8 MB\n")
    assert sdreg("downloads").out == "no download is unfinished\n"


def wait_for_a_piece(folder, child):
    """Return as soon as a journal knows a piece; the process must still be at work."""
    while child.poll() is None:
        for journal in folder.glob("*.journal"):
            with contextlib.suppress(FileNotFoundError):
                if re.search(r'"[0-9a-f]{64}"', journal.read_text()):
                    return
    raise AssertionError(child.communicate())


# ── demo ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_demo_goes_as_it_should_and_leaves_nothing(sdreg, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = sdreg.json("demo", schema="sdreg.demo/1")

    assert len(told["steps"]) >= 9
    assert all(step["ok"] and step["says"] for step in told["steps"])
    assert names_in(told) <= documented("sdreg.demo/1")
    assert not list(tmp_path.glob("sdreg-demo-*"))


@pytest.mark.slow
def test_the_demo_can_be_kept_and_overwrites_nothing(sdreg, tmp_path):
    folder = tmp_path / "kept"

    lines = sdreg("demo", "--keep", folder).lines
    said, _ = sdreg.error("demo", "--keep", folder, expect=6)

    assert lines[0].startswith("1. ")
    assert lines[-1].strip() == "$ sdreg install anything-v3"
    assert (folder / "home" / "catalog.sqlite3").is_file()
    assert said.startswith(str(folder))
    shutil.rmtree(folder)
