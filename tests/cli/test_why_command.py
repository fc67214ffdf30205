"""`sdreg why`: the choice, and a sentence for every file that was not taken."""

import pytest

from registry.cli.app import run
from registry.resolve.candidate import Reason
from tests.cli.shell import JSON_PAGE, documented, names_in
from tests.cli.test_list_command import SEED

SCHEMA = "sdreg.why/1"
REASONS = {reason.value for reason in Reason}


def files_of(slug):
    (model,) = [model for model in SEED if model["slug"] == slug]
    return [file for version in model["versions"] for file in version["files"]]


def test_anything_v3_is_the_safe_pruned_fp16_and_every_other_file_has_its_sentence(sdreg):
    told = sdreg.json("why", "anything-v3", schema=SCHEMA)
    lines = sdreg("why", "anything-v3").lines

    assert told["chosen"]["name"] == "anything-v3-fp16-pruned.safetensors"
    assert told["chosen"]["hashes"]["sha256"].startswith("d1facd9a")
    assert len(told["rejected"]) == len(files_of("anything-v3")) - 1
    at = lines.index("not taken:")
    assert lines[0].startswith("anything-v3: anything-v3-fp16-pruned.safetensors (id ")
    assert [line.strip() for line in lines[1:at]] == told["because"]
    assert [line.rpartition(": ")[2] for line in lines[at + 1 :]] == [
        no["because"] for no in told["rejected"]
    ]
    assert all(no["because"] and no["reason"] in REASONS for no in told["rejected"])


def test_the_document_is_the_documented_one(sdreg):
    told = sdreg.json("why", "anything-v3", schema=SCHEMA)

    assert set(told) == {"reference", "slug", "chosen", "because", "rejected"}
    assert names_in(told) <= documented(SCHEMA) | documented("sdreg.show/1")
    page = JSON_PAGE.read_text("utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == []


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        (["--prefer", "fp32"], "anything-v3-fp32-pruned.safetensors"),
        (["--prefer", " FP32 "], "anything-v3-fp32-pruned.safetensors"),
        (["--format", "pickle"], "anythingV3_fp16.ckpt"),
        (["--format", "pickle", "--prefer", "fp32", "--full"], "AnythingV5Ink_v30.ckpt"),
        (["--format", "pickle", "--prefer", "fp32"], "Anything-V3.0-pruned-fp32.ckpt"),
        (["--file", "446"], "anythingV3_fp16.ckpt"),
        (["--file", "anything-v3-full.safetensors"], "anything-v3-full.safetensors"),
        (["--file", "3088848987"], "anything-v3-fp32-pruned.safetensors"),
        (["--file", "sha256:" + "0" * 64], None),
        (["--version", "fp16 (Civitai 66)"], "anythingV3_fp16.ckpt"),
        (["--version", "75"], "anythingV3_fp16.ckpt"),
        (["--format", "gguf"], None),
    ],
)
def test_flags_change_the_choice(sdreg, flags, chosen):
    told = sdreg.json(
        "why", "anything-v3", *flags, schema=SCHEMA, expect=0 if chosen is not None else 3
    )

    assert (told["chosen"] or {}).get("name") == chosen
    assert len(told["rejected"]) == len(files_of("anything-v3")) - (chosen is not None)


def test_a_file_can_be_named_by_its_hash(sdreg):
    full = "308884898741f81f4dbe32a7806a26c28b594d8ea21310fbed5c5dcecff6aa32"
    for words in (["anything-v3", "--file", full], [f"sha256:{full}"]):
        told = sdreg.json("why", *words, schema=SCHEMA)
        assert told["chosen"]["name"] == "anything-v3-fp32-pruned.safetensors"


def test_a_reference_may_name_the_file(sdreg):
    told = sdreg.json("why", "civitai:66@75+446", schema=SCHEMA)

    assert (told["slug"], told["chosen"]["hub_file_id"]) == ("anything-v3", "446")


def test_the_settings_are_the_wish(sdreg, monkeypatch):
    monkeypatch.setenv("SDREG_PREFER", "fp32")
    by_settings = sdreg.json("why", "anything-v3", schema=SCHEMA)["chosen"]
    by_flag = sdreg.json("why", "anything-v3", "--prefer", "fp16", schema=SCHEMA)["chosen"]

    assert (by_settings["precision"], by_flag["precision"]) == ("fp32", "fp16")


def test_an_unknown_precision_or_format_is_refused_with_those_that_are_known(sdreg):
    assert sdreg.error("why", "anything-v3", "--prefer", "fp33", expect=2) == (
        "--prefer fp33 is not known",
        "It may be fp32, fp16, bf16, fp8, int8, int4, nf4.",
    )
    said, hint = sdreg.error("why", "anything-v3", "--format", "exe", expect=2)
    assert said == "--format exe is not known"
    assert hint.startswith("It may be safetensors, pickle, ")


def test_nothing_that_fits_is_said_and_exits_with_3(sdreg):
    lines = sdreg("why", "anything-v3", "--format", "gguf", expect=3).lines

    assert lines[:2] == ["anything-v3: no file fits", "not taken:"]


@pytest.mark.parametrize("slug", [model["slug"] for model in SEED])
def test_every_model_of_the_seed_has_its_why(sdreg, slug):
    code = run(["why", slug])
    told = sdreg.json("why", slug, schema=SCHEMA, expect=code)

    assert code == (0 if told["chosen"] else 3)
    assert len(told["rejected"]) + (told["chosen"] is not None) == len(files_of(slug))
    for no in told["rejected"]:
        assert no["reason"] in REASONS
        assert len(no["because"].split()) > 2, "a sentence"


@pytest.mark.parametrize("flags", [[], ["--full"], ["--prefer", "fp32"], ["--allow-pickle"]])
def test_what_is_no_model_is_never_the_model(sdreg, flags):
    chosen_ones = []
    for model in SEED:
        code = run(["why", model["slug"], *flags])
        chosen = sdreg.json("why", model["slug"], *flags, schema=SCHEMA, expect=code)["chosen"]
        chosen_ones += [chosen] if chosen else []

    assert {file["role"] for file in chosen_ones} <= {"weights", "vae", "negative"}
    assert {file["format"] for file in chosen_ones} <= {"safetensors", "pickle"}


def test_a_version_that_is_not_there_is_refused_and_the_others_are_named(sdreg):
    said, hint = sdreg.error("why", "anything-v3", "--version", "no such version", expect=2)

    assert said == "--version no such version names no version of anything-v3"
    assert "Linaqruf HF files" in hint
