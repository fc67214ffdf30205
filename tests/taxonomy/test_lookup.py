"""Slugs, hubs' words and what people type."""

import json

import pytest

from registry.taxonomy.lookup import (
    architecture_families,
    architecture_from_label,
    architectures,
    find_architecture,
    find_model_type,
    get_architecture,
    get_model_type,
    model_type_from_label,
    model_types,
)


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("Checkpoint", "checkpoint"),
        ("TextualInversion", "embedding"),
        ("Hypernetwork", "hypernetwork"),
        ("LORA", "lora"),
        ("DoRA", "lora"),
        ("LoCon", "lycoris"),
        ("Controlnet", "controlnet"),
        ("Upscaler", "upscaler"),
        ("MotionModule", "motion-module"),
        ("VAE", "vae"),
        ("UNet", "diffusion-model"),
        ("TextEncoder", "text-encoder"),
        ("Wildcards", "other"),
        ("SomethingOfTomorrow", "other"),
        ("", "other"),
    ],
)
def test_civitai_types_have_a_slug(label, slug):
    assert model_type_from_label("civitai", label) == slug


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("SD 1.4", "sd1"),
        ("SD 1.5", "sd1"),
        ("SD 1.5 LCM", "sd1"),
        ("SD 2.1 768", "sd2"),
        ("SDXL 1.0", "sdxl"),
        ("SDXL Lightning", "sdxl"),
        ("SDXL Turbo", "sdxl-turbo"),
        ("Pony", "sdxl-pony"),
        ("Illustrious", "sdxl-illustrious"),
        ("NoobAI", "sdxl-illustrious"),
        ("SD 3.5 Large", "sd3"),
        ("Flux.1 S", "flux"),
        ("Flux.1 D", "flux"),
        ("Flux.2 D", "unknown"),
        ("Pony V7", "unknown"),
        ("Qwen", "unknown"),
        ("Other", "unknown"),
    ],
)
def test_civitai_base_models_have_a_slug_or_are_unknown(label, slug):
    assert architecture_from_label("civitai", label) == slug


def test_a_word_of_one_hub_means_nothing_at_another():
    assert model_type_from_label("huggingface", "TextualInversion") == "embedding"  # spelled alike
    assert model_type_from_label("huggingface", "LoCon") == "lycoris"
    assert model_type_from_label("nowhere", "LORA") == "other"
    assert architecture_from_label("nowhere", "SD 1.5") == "unknown"


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("lora", "lora"),
        ("loras", "lora"),
        ("LoRAs", "lora"),
        ("textual-inversion", "embedding"),
        ("Textual Inversions", "embedding"),
        ("textual_inversion", "embedding"),
        ("TI", "embedding"),
        ("locon", "lycoris"),
        ("LyCORIS", "lycoris"),
        ("ckpt", "checkpoint"),
        ("vaes", "vae"),
        ("motion_module", "motion-module"),
        ("unet", "diffusion-model"),
        ("control net", "controlnet"),
        ("others", "other"),
        ("car", None),
        ("", None),
    ],
)
def test_people_may_type_plurals_and_the_words_of_hubs(typed, slug):
    assert find_model_type(typed) == slug


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("sd15", "sd1"),
        ("sd1.5", "sd1"),
        ("SD 1.5", "sd1"),
        ("xl", "sdxl"),
        ("SDXL", "sdxl"),
        ("pony", "sdxl-pony"),
        ("refiner", "sdxl-refiner"),
        ("sd3.5", "sd3"),
        ("flux-dev", "flux"),
        ("any", "any"),
        ("betamax", None),
        ("", None),
    ],
)
def test_people_may_type_an_architecture_in_many_ways(typed, slug):
    assert find_architecture(typed) == slug


@pytest.mark.parametrize(
    ("base", "families"),
    [
        ("sd1", ("sd1",)),
        ("sdxl-pony", ("sdxl-pony", "sdxl")),
        ("sdxl-refiner", ("sdxl-refiner", "sdxl")),
        ("sd1+sdxl", ("sd1", "sdxl")),
        ("sdxl-pony+sdxl", ("sdxl-pony", "sdxl")),
        ("any", ("any",)),
        ("of-tomorrow", ("of-tomorrow",)),
    ],
)
def test_a_model_is_listed_under_its_base_and_what_that_comes_from(base, families):
    assert architecture_families(base) == families


def test_a_slug_that_nobody_describes_is_treated_as_other():
    assert get_model_type("of-tomorrow").name == "other"
    assert get_model_type("lora").title == "LoRA"
    assert get_architecture("of-tomorrow") is None


def test_the_lists_cannot_be_changed_by_who_asks_for_them():
    model_types().clear()
    architectures().clear()

    assert "lora" in model_types()
    assert "sd1" in architectures()


@pytest.mark.parametrize("descriptors", [model_types, architectures])
def test_every_word_leads_to_one_descriptor_only(descriptors):
    claims = {}
    for each in descriptors().values():
        for hub, labels in each.labels.items():
            for label in labels:
                claims.setdefault((hub, label.casefold()), set()).add(each.name)
        for alias in each.aliases:
            claims.setdefault(("alias", alias.casefold()), set()).add(each.name)

    assert {claim: names for claim, names in claims.items() if len(names) > 1} == {}


def test_every_parent_of_an_architecture_exists():
    parents = {each.parent for each in architectures().values() if each.parent}

    assert parents <= set(architectures())


def test_every_type_and_base_of_the_seed_is_described(project_root):
    seed = project_root / "catalog.seed.json"
    if not seed.is_file():
        pytest.skip("the seed is not built yet")
    models = json.loads(seed.read_text())["models"]
    parts = {part for model in models if model["base"] for part in model["base"].split("+")}

    assert {model["type"] for model in models} <= set(model_types())
    assert parts - {"any"} <= set(architectures())
