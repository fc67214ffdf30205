"""`sdreg downloads`: what was interrupted."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from tests.cli.shell import documented, names_in

np = pytest.importorskip("numpy")


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
        "sdreg: interrupted\n"
        "hint: Run `sdreg install civitai:901` again: it goes on where it was.\n"
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
