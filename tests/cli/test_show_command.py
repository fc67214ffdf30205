"""`sdreg show`: everything that is known, and where it is known from."""

from tests.cli.shell import documented, names_in
from tests.cli.test_list_command import SEED

SCHEMA = "sdreg.show/1"


def test_anything_v3_has_clip_skip_2_and_we_know_where_from(sdreg):
    out = sdreg("show", "anything-v3").out
    told = sdreg.json("show", "anything-v3", schema=SCHEMA)

    assert "  clip skip   2, known from: a public file (sample metadata" in out
    assert told["clip_skip"] == 2
    assert told["clip_skip_source"].startswith("a public file (sample metadata")
    assert told["clip_skip_note"] == "NAI-derived anime model"


def test_the_arrow_marks_the_file_that_would_be_taken(sdreg):
    lines = sdreg("show", "anything-v3").lines
    told = sdreg.json("show", "anything-v3", schema=SCHEMA)
    (marked,) = [line for line in lines if "→" in line]
    (chosen,) = [file for file in told["files"] if file["id"] == told["chosen_file_id"]]

    assert chosen["name"] in marked
    assert chosen["hashes"]["sha256"].startswith("d1facd9a")


def test_hashes_are_shown_on_demand(sdreg):
    brief = sdreg("show", "easynegative").out
    whole = sdreg("show", "easynegative", "--hashes").out

    assert "sha256 c74b4e810b030f6b75fde959e2db678c268d07115b85356d3c0138ba5eb42340" in brief
    assert "autov" not in brief
    assert "      sha256  c74b4e81" in whole
    assert len(whole) >= len(brief)


def test_every_field_is_documented_and_every_hash_of_the_seed_is_there(sdreg):
    words = documented(SCHEMA)
    for model in SEED:
        told = sdreg.json("show", model["slug"], schema=SCHEMA)
        assert names_in(told) <= words
        assert told["slug"] == model["slug"]
        known = {
            f["hashes"]["sha256"]
            for version in model["versions"]
            for f in version["files"]
            if f.get("hashes", {}).get("sha256")
        }
        assert known <= {file["hashes"].get("sha256") for file in told["files"]}


def test_every_model_can_be_shown_to_people(sdreg):
    for model in SEED:
        out = sdreg("show", model["slug"], "--hashes").out
        assert out.startswith(f"{model['slug']}: ")
        assert "None" not in out.replace("allowCommercialUse: None", "")  # Civitai's own word
        assert all(file["name"] in out for v in model["versions"] for file in v["files"])


def test_names_are_found_without_their_case(sdreg):
    assert sdreg("show", "Anything-V3").lines[0] == "anything-v3: Anything V3"


def test_a_model_that_only_a_hub_knows_is_asked_for_once(sdreg, hub):
    first = sdreg("show", "civitai:901").out
    hub.forget_requests()
    again = sdreg("show", "civitai:901").out

    assert first == again
    assert first.startswith("civitai-901: Noise\n  type           lora, made for sd1\n")
    assert "white noise" in first
    assert hub.requests == []


def test_what_the_hub_does_not_have_is_gone(sdreg, hub):
    said, hint = sdreg.error("show", "civitai:31337", expect=4)

    assert "31337" in said
    assert hint
