"""`sdreg list`: what is known, with what one needs to choose."""

import json
import unicodedata
from pathlib import Path

import pytest

from tests.cli.shell import documented, names_in

SEED = json.loads((Path(__file__).parents[2] / "catalog.seed.json").read_text("utf-8"))["models"]
TYPES = sorted({model["type"] for model in SEED})
SCHEMA = "sdreg.list/1"


def of_the_seed(**facts):
    return {
        model["slug"]: model
        for model in SEED
        if all(model.get(name) == value for name, value in facts.items())
    }


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_listed_with_base_trigger_words_and_size(sdreg, name):
    wanted = of_the_seed(type=name)
    models = sdreg.json("list", "--type", name, schema=SCHEMA)["models"]
    lines = sdreg("list", "--type", name).lines

    assert [model["slug"] for model in models] == sorted(wanted)
    assert len(lines) == len(models) + 1
    for model, line in zip(models, lines[1:], strict=True):
        known = wanted[model["slug"]]
        assert (model["type"], model["base"]) == (name, known.get("base"))
        assert model["trigger_words"] == known.get("trigger_words", [])
        assert f"{model['slug']} " in line
        assert f" {model['base'] or '?'} " in line
        assert all(word in line for word in model["trigger_words"])
        sizes = [file.get("size_bytes") for v in known["versions"] for file in v["files"]]
        assert model["size_bytes"] in [*sizes, None]


def test_a_listing_in_full(sdreg):
    assert sdreg("list", "--type", "lora", "--base", "sdxl", "--limit", "2").out == (
        "  name                type  base     size  clip skip  trigger words\n"
        "  3d-render-style-xl  lora  sdxl  85.5 MB  –          –\n"
        "  detail-tweaker-xl   lora  sdxl   228 MB  –          –\n"
    )


def test_a_model_as_the_contract_has_it(sdreg):
    models = sdreg.json("list", "--type", "checkpoint", schema=SCHEMA)["models"]
    (anything,) = [model for model in models if model["slug"] == "anything-v3"]

    assert anything == {
        "slug": "anything-v3",
        "name": "Anything V3",
        "type": "checkpoint",
        "base": "sd1",
        "clip_skip": 2,
        "trigger_words": [],
        "installed": False,
        "size_bytes": 2_132_625_431,
        "file": "anything-v3-fp16-pruned.safetensors",
        "licence": None,
        "nsfw": False,
    }
    assert names_in(models) <= documented(SCHEMA)


@pytest.mark.parametrize("word", ["lora", "LoRA", "loras", "LORA"])
def test_a_type_goes_by_its_common_words(sdreg, word):
    models = sdreg.json("list", "--type", word, schema=SCHEMA)["models"]

    assert {model["type"] for model in models} == {"lora"}


def test_textual_inversions_are_embeddings(sdreg):
    words = ("textual-inversion", "embedding", "embeddings")
    found = [sdreg("list", "--type", word).out for word in words]

    assert found[0] == found[1] == found[2]


def test_a_base_includes_what_was_made_from_it(sdreg):
    models = sdreg.json("list", "--base", "sdxl", schema=SCHEMA)["models"]
    bases = {model["base"] for model in models}

    assert {"sdxl", "sdxl-illustrious", "sdxl-pony", "sdxl-turbo", "sd1+sdxl"} <= bases
    assert all("sdxl" in base for base in bases)
    wanted = [slug for slug, model in of_the_seed().items() if "sdxl" in (model.get("base") or "")]
    assert [model["slug"] for model in models] == sorted(wanted)


def test_a_base_leaves_out_its_parent(sdreg):
    models = sdreg.json("list", "--base", "sdxl-pony", schema=SCHEMA)["models"]

    assert {model["base"] for model in models} == {"sdxl-pony"}


def test_both_may_be_asked_for(sdreg):
    models = sdreg.json("list", "--type", "lora", "--base", "sdxl", schema=SCHEMA)["models"]

    assert models
    assert {model["type"] for model in models} == {"lora"}
    assert all("sdxl" in model["base"] for model in models)


def test_an_unknown_type_or_base_is_refused_with_those_that_are_known(sdreg):
    type_said, type_hint = sdreg.error("list", "--type", "loraa", expect=2)
    base_said, base_hint = sdreg.error("list", "--base", "sd9", expect=2)

    assert type_said == "--type loraa is not a type of model"
    assert type_hint.startswith("It may be checkpoint, controlnet, ")
    assert base_said == "--base sd9 is not a base architecture"
    assert base_hint.startswith("It may be flux, sd1, sd2, ")


def test_what_is_installed_is_marked_and_can_be_listed_alone(sdreg, hub):
    sdreg("install", "civitai:901")

    (only,) = sdreg.json("list", "--installed", schema=SCHEMA)["models"]
    alone = sdreg("list", "--installed").lines
    marked = [line for line in sdreg("list").lines if line.startswith("*")]

    assert (only["slug"], only["installed"]) == ("civitai-901", True)
    assert len(alone) == 2
    assert len(marked) == 1
    assert marked[0].split()[1] == "civitai-901"


def test_nothing_is_said_to_be_nothing(sdreg):
    assert sdreg("list", "--installed").out == "no model fits\n"
    assert sdreg.json("list", "--installed", schema=SCHEMA) == {"models": []}
    assert sdreg.json("list", "--offset", "118", schema=SCHEMA) == {"models": []}


def test_pages_are_the_whole(sdreg):
    whole = sdreg.json("list", schema=SCHEMA)["models"]
    pages = [
        sdreg.json("list", "--limit", "50", "--offset", at, schema=SCHEMA)["models"]
        for at in (0, 50, 100)
    ]

    assert [len(page) for page in pages] == [50, 50, 18]
    assert [model for page in pages for model in page] == whole


def test_nothing_in_a_listing_drives_a_terminal(sdreg):
    for words in (["list"], ["list", "--json"], ["catalog", "export"]):
        out = sdreg(*words).out.replace("\n", "")
        assert not [s for s in out if unicodedata.category(s) in {"Cc", "Cf", "Zl", "Zp", "Co"}]
