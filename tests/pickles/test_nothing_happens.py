"""The proof that reading a pickle imports and calls nothing: an audit hook hears of every try."""

import json
import os
import pickle
import subprocess
import sys

import pytest

from tests.pickles.building import legacy, name, pickled, tensor, text, zipped

# The interpreter tells its hooks of every import, compilation, program, socket and opened file.
WATCHER = """
import json, sys
from pathlib import Path
from registry.operations.scan import scan_file

files = [Path(name) for name in sys.argv[1:]]
for path in files[:2]:
    scan_file(path)  # whatever our own code loads late is loaded now
before, heard = set(sys.modules), []
sys.addaudithook(lambda event, facts: heard.append((event, str(facts[:1]))))
found = {path.name: scan_file(path).verdict.word for path in files}
events = sorted({event for event, _ in heard})
opened = sorted({fact for event, fact in heard if event == "open"})
print(json.dumps([found, events, opened, sorted(set(sys.modules) - before)]))
"""


class Harm:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def evil(trace):
    """Pickles that do something, each in another way."""
    call = name("os", "system") + b"(" + text(f"touch {trace}") + b"tR"
    return {
        **{f"protocol{n}.pkl": pickle.dumps(Harm(trace), protocol=n) for n in range(6)},
        "zip.pt": zipped(call),
        "legacy.pt": legacy(call),
        "first.pt": pickled(call) + legacy(b"}"),
        "inst.pt": pickled(b"(" + text(f"touch {trace}") + b"ios\nsystem\n"),
        "obj.pt": pickled(b"(" + name("os", "system") + text(f"touch {trace}") + b"o"),
        "import.pt": zipped(name("antigravity", "geohash")),
        "newobj.pt": zipped(name("subprocess", "Popen") + text("true") + b"\x85\x81"),
        "build.pt": zipped(name("os", "environ") + b"}" + text("a") + text("b") + b"sb"),
        "reader.pt": zipped(name("torch", "load") + text("/etc/passwd") + b"\x85R"),
    }


GOOD = {
    "good.pt": zipped(b"}" + text("a") + tensor() + b"s"),
    "named.pt": zipped(b"}" + name("pytorch_lightning.callbacks.timer", "Timer") + tensor() + b"s"),
    "shell.pt": zipped(name("argparse", "Namespace") + b")\x81}" + text("a") + tensor() + b"sb"),
}


@pytest.fixture
def watched(tmp_path):
    contents = {"text.txt": b"a text", **GOOD, **evil(tmp_path / "trace")}
    paths = []
    for file_name, content in contents.items():
        paths.append(tmp_path / file_name)
        paths[-1].write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['picklescan'] = None\n" + WATCHER, *paths],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_reading_hostile_and_harmless_pickles_imports_and_calls_nothing(watched, tmp_path):
    found, events, opened, new_modules = watched

    assert set(events) <= {"open", "builtins.id"}  # the latter tells values that contain themselves
    assert opened == sorted(f"('{tmp_path / file_name}',)" for file_name in found)
    assert new_modules == []
    assert not (tmp_path / "trace").exists()
    assert found.pop("text.txt") == "unreadable"
    assert {file_name for file_name, word in found.items() if word == "clean"} == set(GOOD)
    assert {word for file_name, word in found.items() if file_name not in GOOD} == {"refused"}


def test_the_same_pickles_do_their_harm_where_they_are_obeyed(tmp_path):
    trace = tmp_path / "trace"

    for content in (evil(trace)["protocol2.pkl"], evil(trace)["inst.pt"]):
        code = "import pickle, sys; pickle.load(sys.stdin.buffer)"
        subprocess.run([sys.executable, "-c", code], check=True, input=content)
        assert trace.exists()
        trace.unlink()
