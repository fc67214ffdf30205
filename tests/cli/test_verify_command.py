"""`sdreg verify`: every byte is read, and what is wrong is named."""

from tests.cli.shell import documented


def test_verify_reads_every_byte(sdreg, installed):
    told = sdreg.json("verify", schema="sdreg.audit/1")

    assert told["checked"] == 1
    assert told["bytes"] >= installed["size_bytes"]
    assert told["findings"] == []
    assert set(told) <= documented("sdreg.audit/1")
    assert sdreg("verify", "civitai-901").lines[0] == "ok           noise.safetensors"


def test_a_deep_check_looks_into_weights_that_are_as_they_were_stored(sdreg, installed):
    """The file is of random bytes: some of them, read as numbers, are none."""
    told = sdreg.json("verify", "--deep", schema="sdreg.audit/1", expect=1)

    (finding,) = told["findings"]
    assert (finding["kind"], finding["path"]) == ("unsound", installed["path"])
    assert "no numbers, in noise" in finding["message"]
