"""`sdreg repair`: what is damaged is found and mended, or named."""

from pathlib import Path

from tests.cli.shell import damage, documented, names_in


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


def test_nothing_installed_is_well(sdreg):
    assert sdreg("verify").out == "0 files, 0 bytes read in 0.0 s, nothing wrong\n"
    assert sdreg("repair").out == "nothing is damaged\n"


def test_all_beside_a_name_is_refused(sdreg, installed):
    error = sdreg.json("repair", "civitai:901", "--all", schema="sdreg.error/1", expect=2)

    assert error["message"] == "--all makes no sense beside names"
