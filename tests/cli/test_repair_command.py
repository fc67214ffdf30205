"""`sdreg repair`: what is damaged is found and mended, or named."""

import json
from pathlib import Path

from tests.cli.shell import damage, documented, names_in


def edit_metadata(file):
    """Write another header before the same tensors, as programs do in place."""
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]) | {"__metadata__": {"title": "mine"}}).encode()
    file.chmod(0o644)
    file.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def test_damage_is_found_and_mended(sdreg, installed):
    damage(Path(installed["path"]))

    found = sdreg.json("verify", schema="sdreg.audit/1", expect=1)
    said = sdreg("verify", expect=1).out
    mended = sdreg.json("repair", schema="sdreg.repair/1")
    again = sdreg("repair").out

    damaged = [finding for finding in found["findings"] if finding["kind"] == "rot"]
    assert damaged[0]["pieces"] == [0]
    assert damaged[0]["reference"] == "civitai:901"
    assert names_in(found) <= documented("sdreg.audit/1")
    assert "rot          noise.safetensors: " in said
    (repaired,) = mended["repaired"]
    assert repaired["path"] == installed["path"]
    assert repaired["source"].startswith("civitai:901")
    assert mended["failed"] == []
    assert names_in(mended) <= documented("sdreg.repair/1")
    assert again == "nothing is damaged\n"
    sdreg("verify")


def test_what_cannot_be_mended_is_named_and_exits_with_1(sdreg, installed, hub):
    damage(Path(installed["path"]))
    hub.take_down("civitai:901")
    hub.take_down("hf:made-up/noise")

    told = sdreg.json("repair", schema="sdreg.repair/1", expect=1)
    said = sdreg("repair", expect=1).out

    assert told["repaired"] == []
    assert told["failed"][0]["because"]
    assert names_in(told) <= documented("sdreg.repair/1") | documented("sdreg.audit/1")
    assert said.startswith("not repaired: noise.safetensors: ")


def test_the_question_about_an_edit_names_the_file_as_people_know_it(sdreg, installed, monkeypatch):
    edit_metadata(Path(installed["path"]))
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, **_: bool(asked.append(question)))

    said = sdreg("repair", expect=1).out

    assert set(asked) == {"noise.safetensors: somebody edited its metadata. Put the old ones back?"}
    assert said.startswith("not repaired: noise.safetensors: somebody edited its metadata")


def test_what_came_from_this_disk_is_told_without_a_count_of_nothing(sdreg, installed):
    blob = Path(installed["path"])
    for link in installed["links"]:  # copies, so that they keep the bytes
        place = Path(link["path"])
        content = place.read_bytes()
        place.unlink()
        place.write_bytes(content)
    damage(blob)

    assert sdreg("repair").out == "repaired noise.safetensors from this disk\n"


def test_nothing_installed_is_well(sdreg):
    assert sdreg("verify").out == "0 files, 0 bytes read in 0.0 s, nothing wrong\n"
    assert sdreg("repair").out == "nothing is damaged\n"


def test_all_beside_a_name_is_refused(sdreg, installed):
    error = sdreg.json("repair", "civitai:901", "--all", schema="sdreg.error/1", expect=2)

    assert error["message"] == "--all makes no sense beside names"
