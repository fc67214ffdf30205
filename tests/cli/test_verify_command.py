"""`sdreg verify`: every byte is read, and what is wrong is named."""

from tests.cli.shell import documented


def test_verify_reads_every_byte(sdreg, installed):
    told = sdreg.json("verify", schema="sdreg.audit/1")

    assert told["checked"] == 1
    assert told["bytes"] >= installed["size_bytes"]
    assert told["findings"] == []
    assert set(told) <= documented("sdreg.audit/1")
    assert sdreg("verify", "civitai-901", "--deep").lines[0] == "ok       noise.safetensors"
