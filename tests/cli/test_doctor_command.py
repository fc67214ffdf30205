"""`sdreg doctor`: trouble and its remedy."""

from pathlib import Path

from tests.cli.shell import documented, names_in


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

    assert "does not exist" in sdreg("doctor", "--offline", expect=1).out


def test_what_was_put_right_is_told_line_by_line_and_in_json(sdreg, installed):
    blob = Path(installed["path"])
    blob.chmod(0o644)
    told = sdreg.json("doctor", "--fix", schema="sdreg.doctor/1")
    assert [(each["what"], each["done"]) for each in told["fixed"]] == [("permissions", True)]
    assert names_in(told) <= documented("sdreg.doctor/1")

    blob.chmod(0o644)
    said = sdreg("doctor", "--fix").lines
    assert said[0] == "fixed permissions: 1 stored file can only be read again"
    assert sdreg.json("doctor", "--fix", schema="sdreg.doctor/1")["fixed"] == []


def test_where_nothing_is_to_be_put_right_fix_says_so(sdreg, installed):
    assert sdreg("doctor", "--fix", "--offline").lines[0] == "nothing had to be put right"


def test_a_home_that_is_a_file_gets_no_remedy_that_cannot_help(sdreg, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("mine")
    monkeypatch.setenv("SDREG_HOME", str(file))

    said = sdreg("doctor", "--offline", expect=1)

    assert said.lines[0] == f"bad   home: {file} is no folder"
    assert "permissions: " not in said.out
    assert file.read_text() == "mine"


def test_offline_asks_nobody(sdreg, installed, hub):
    hub.forget_requests()

    said = sdreg("doctor", "--offline").out

    assert "network civitai" not in said
    assert hub.requests == []
