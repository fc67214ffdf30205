"""One user's machine: a home, two UIs, a server, and `sdreg` as the process that users start."""

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from registry.domain.pieces import PIECE_BYTES
from registry.transfer.partial import read_journal

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
PRECIOUS = b"the user's own work"


def noise(size_bytes, seed=1):
    """A safetensors file of about so many bytes that do not repeat."""
    header = json.dumps(
        {"noise": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}}
    ).encode()
    return len(header).to_bytes(8, "little") + header + random.Random(seed).randbytes(size_bytes)


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def under(*spells):
    """The beginning of a command line that lets system calls fail; see `under.py`."""
    return (sys.executable, "-S", str(Path(__file__).with_name("under.py")), *spells, "--")


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


class Machine:
    """Runs `sdreg` as a user would, and looks at what it left on the disk.

    Args:
        folder: Where everything lies.
        server: Serves what is installed.
        filled: A home with a filled catalog, to be copied.
    """

    def __init__(self, folder, server, filled):
        self.folder = folder
        self.server = server
        self.filled = filled
        self.home = folder / "home"
        self.uis = {"a1111": folder / "webui", "comfyui": folder / "comfy"}
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},  # noqa: TID251 -- what a child process needs
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "SDREG_HOME": str(self.home),
            "SDREG_UI_A1111": str(self.uis["a1111"]),
            "SDREG_UI_COMFYUI": str(self.uis["comfyui"]),
        }

    def furnish(self):
        """Begin anew: an empty store, and a file of the user's where links will lie."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.filled, self.home)
        self.precious.parent.mkdir(parents=True)
        self.precious.write_bytes(PRECIOUS)
        self.uis["comfyui"].mkdir()
        return self

    @property
    def folders(self):
        """Everything that a command may change."""
        return (self.home, *self.uis.values())

    @property
    def precious(self):
        return self.uis["a1111"] / "models" / "Lora" / "mine.safetensors"

    def places(self, name="noise.safetensors"):
        """Where a LoRA of this name is linked."""
        return (
            self.home / "library" / "lora" / name,
            self.uis["a1111"] / "models" / "Lora" / name,
            self.uis["comfyui"] / "models" / "loras" / name,
        )

    # ── processes ─────────────────────────────────────────────────────────────────────────────────

    def wanting(self, content, name="noise.safetensors", **manners):
        """Serve some bytes; the words of the install that wants them."""
        url = self.server.serve(name, content, **manners)
        return ("install", url, "--sha256", sha256_of(content), "--type", "lora")

    def start(self, *words, before=(), **variables):
        return subprocess.Popen(
            [*before, sys.executable, "-m", "registry", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, before=(), **variables):
        with self.start(*words, before=before, **variables) as process:
            out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return Ended(process.returncode, out, err)

    def __call__(self, *words, expect=0, before=(), **variables):
        """The document that a command writes; `expect` is its exit code, None any but 0."""
        ended = self.run(*words, "--json", before=before, **variables)
        if expect is None:
            assert ended.code != 0, ended
        else:
            assert ended.code == expect, ended
        return ended.document

    # ── what lies on the disk ─────────────────────────────────────────────────────────────────────

    def finals(self):
        """Every file under a final name, but the user's own."""
        roots = (self.home / "library", *self.uis.values())
        found = (path for root in roots for path in root.rglob("*") if not path.is_dir())
        return sorted(path for path in found if path != self.precious)

    def blobs(self):
        return [path for path in (self.home / "blobs").rglob("*") if len(path.name) == 64]

    def unfinished(self):
        """Parts, journals and locks of downloads."""
        folder = self.home / "partial"
        return sorted(path.name for path in folder.glob("[!.]*"))

    def pieces_done(self):
        """How many pieces the journals name."""
        journals = (read_journal(path) for path in (self.home / "partial").glob("*.journal"))
        return sum(len(journal.pieces) for journal in journals if journal is not None)

    def wait_for_pieces(self, process, count=1):
        """Return as soon as a journal names so many pieces; the process must still be at work."""
        wait_until(lambda: self.pieces_done() >= count, process)

    def look(self, *contents, finished):
        """Hold the disk against what the store promises; see registry/ARCHITECTURE.md."""
        known = {sha256_of(content) for content in contents}
        blobs = self.blobs()
        for blob in blobs:
            assert sha256_of(blob.read_bytes()) == blob.name, "1: a blob's name is its SHA-256"
            assert stat.S_IMODE(blob.stat().st_mode) == 0o444, "1: a blob is read-only"
        for path in self.finals():
            assert sha256_of(path.read_bytes()) in known, f"4: {path} is not whole and proven"
        assert self.precious.read_bytes() == PRECIOUS, "5: a file that is not ours is touched"
        states = self._look_at_records(finished=finished)
        for journal, part in self._journals():
            for index, digest in journal.pieces.items():
                piece = part.read_bytes()[index * PIECE_BYTES : (index + 1) * PIECE_BYTES]
                assert blake3(piece).hexdigest() == digest, (
                    "a journal names bytes that are not there"
                )
        if finished:
            assert {blob.name for blob in blobs} == known
            assert states == {"complete"}, "an intent is left"
            assert self.unfinished() == [], "something is left of the download"

    def _look_at_records(self, *, finished):
        states = set()
        database = sqlite3.connect(self.home / "catalog.sqlite3")
        try:
            assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            for state, sha256 in database.execute("SELECT state, sha256 FROM installs"):
                states.add(state)
                blob = self.home / "blobs" / "sha256" / sha256[:2] / sha256
                assert state == "intended" or blob.is_file(), "2: a record without its blob"
            for path, sha256 in database.execute("SELECT path, sha256 FROM links"):
                gone = not finished and not Path(path).exists()
                assert gone or sha256_of(Path(path).read_bytes()) == sha256, "2: a wrong link"
        finally:
            database.close()
        return states

    def _journals(self):
        for path in (self.home / "partial").glob("*.journal"):
            journal, part = read_journal(path), path.with_suffix(".part")
            if journal is not None and part.exists():
                yield journal, part


def wait_until(true, process=None, seconds=30.0):
    """Return when it is true; the process, if there is one, must still be at work."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.005)


def kill(process):
    """End a process as a power cut does, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
