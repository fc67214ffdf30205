"""`sdreg scan`: clean, refused or unreadable, and nothing is run."""

import os
import pickle

import pytest

from registry import scan_file
from registry.demo.safetensors_file import write_safetensors
from registry.errors import WorkStopped
from registry.operations import scan as scan_module
from tests.cli.shell import documented, names_in
from tests.pickles.building import tensor, text, zipped

np = pytest.importorskip("numpy")


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "evil.pt").write_bytes(pickle.dumps({"a": print}, protocol=2))
    (folder / "good.ckpt").write_bytes(zipped(b"}" + text("a") + tensor() + b"s"))
    (folder / "page.bin").write_bytes(b"<html><title>Log in</title>")
    write_safetensors(folder / "good.safetensors", {"a": np.zeros(3, np.float32)})
    (folder / "notes.txt").write_text("not a model, and nobody says so")
    return folder


@pytest.fixture
def alone(monkeypatch):
    """No second opinion, whether picklescan is installed or not."""
    monkeypatch.setattr(scan_module, "find_spec", lambda _: None)


def test_a_folder_is_looked_through_and_each_verdict_told(sdreg, models, alone):
    said = sdreg("scan", models, expect=8)

    at = (models / "evil.pt").read_bytes().index(b"c__builtin__")
    assert said.lines == [
        f"refused    {models}/evil.pt: it would import builtins.print (byte {at})",
        f"clean      {models}/good.ckpt: a torch checkpoint (zip)",
        f"clean      {models}/good.safetensors: a safetensors file",
        f'unreadable {models}/page.bin: it is an HTML page ("Log in"), not a model file',
        "4 files: 2 clean, 1 refused, 1 unreadable",
    ]


def test_json_tells_path_format_verdict_and_reasons(sdreg, models, alone):
    at = (models / "evil.pt").read_bytes().index(b"c__builtin__")

    told = sdreg.json("scan", models, schema="sdreg.scan/1", expect=8)

    assert told["files"][0] == {
        "path": str(models / "evil.pt"),
        "format": "pickle",
        "verdict": "refused",
        "reasons": [{"code": "forbidden-name", "name": "builtins.print", "offset": at}],
    }
    assert [file["verdict"] for file in told["files"]] == [
        *("refused", "clean", "clean", "unreadable")
    ]
    assert names_in(told) <= documented("sdreg.scan/1")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good.ckpt"], 0),
        (["good.safetensors", "good.ckpt"], 0),
        (["page.bin", "good.ckpt"], 7),
        (["nowhere.ckpt"], 7),
        (["notes.txt"], 7),
        (["page.bin", "evil.pt"], 8),
    ],
)
def test_the_exit_code_is_that_of_the_worst_file(sdreg, models, alone, names, code):
    sdreg("scan", *(models / name for name in names), expect=code)


def test_an_empty_folder_is_no_fault(sdreg, tmp_path):
    assert sdreg("scan", tmp_path).out == "no model files there\n"
    assert sdreg.json("scan", tmp_path, schema="sdreg.scan/1")["files"] == []


def test_without_a_file_it_asks_for_one(sdreg):
    sdreg("scan", expect=2)


def test_no_catalog_is_made_for_it(sdreg, models, alone):
    before = sorted(sdreg.home.iterdir())

    sdreg("scan", models / "good.ckpt")

    assert sorted(sdreg.home.iterdir()) == before


def test_a_pickle_that_calls_itself_safetensors_is_refused_whatever_is_in_it(tmp_path, alone):
    path = tmp_path / "model.SafeTensors"
    path.write_bytes(zipped(b"}"))

    assert [reason.code for reason in scan_file(path).verdict.reasons] == ["disguised"]


def test_a_pickle_of_the_first_protocol_is_a_text_and_a_pickle_all_the_same(tmp_path, alone):
    path = tmp_path / "model.txt"
    path.write_bytes(pickle.dumps(print, protocol=0))

    scanned = scan_file(path)

    assert (scanned.format, scanned.verdict.word) == ("pickle", "refused")


def test_safetensors_that_are_a_pickle_as_well_are_refused(tmp_path, alone):
    # The length of the header reads as a text of 0x5A bytes, which hides the beginning of JSON.
    header = b"{" + b" " * 83 + b"cos\nsystem\n." + b"}"
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"U\x5a\x00\x00\x00\x00\x00\x00" + header)

    assert scan_file(path).verdict.word == "refused"


def test_a_damaged_safetensors_file_is_unreadable_with_the_reason(tmp_path, alone):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {"a": np.zeros(3, np.float32)})
    path.write_bytes(path.read_bytes()[:-1])

    (reason,) = scan_file(path).verdict.reasons

    assert (reason.code, "cut off" in reason.name) == ("damaged", True)


def test_a_pipe_does_not_keep_us_waiting(tmp_path, alone):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes in folders here")
    os.mkfifo(tmp_path / "pipe.ckpt")

    assert scan_file(tmp_path / "pipe.ckpt").verdict.word == "unreadable"


def test_a_second_opinion_adds_a_warning_and_changes_no_verdict(sdreg, models):
    pytest.importorskip("picklescan", reason="optional: pip install '.[scan]'")

    told = sdreg.json("scan", models, schema="sdreg.scan/1", expect=8)

    evil, good, *_ = told["files"]
    assert evil["warnings"] == ["picklescan finds __builtin__.print suspicious"]
    assert (good["verdict"], "warnings" in good) == ("clean", False)
    assert names_in(told) <= documented("sdreg.scan/1")
    assert "warning: picklescan finds" in sdreg("scan", models, expect=8).out


def test_a_second_opinion_that_breaks_down_is_a_warning_too(models, monkeypatch):
    def stopped(*_, **__):
        raise WorkStopped("names", "memory", "it needed too much")

    monkeypatch.setattr(scan_module, "find_spec", lambda _: "found")
    monkeypatch.setattr(scan_module, "run_confined", stopped)

    found = scan_file(models / "good.ckpt")

    assert found.verdict.word == "clean"
    assert found.warnings == ("picklescan gave no opinion: it needed too much",)
