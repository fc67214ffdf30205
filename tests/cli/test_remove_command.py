"""`sdreg remove`: ours goes, everything else stays."""

from pathlib import Path

from tests.cli.shell import documented, names_in


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
