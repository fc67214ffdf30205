"""Every type of model against every UI: a folder, or a sentence why there is none."""

from pathlib import Path, PurePosixPath

import pytest

from registry import layouts
from registry.taxonomy.lookup import get_model_type, model_types

UIS = [layouts.get(name) for name in layouts.names()]
TYPES = sorted(model_types())

# The table of the field, written down a second time, by hand.
FOLDERS = {
    "a1111": {
        "checkpoint": "models/Stable-diffusion",
        "diffusion-model": "models/Stable-diffusion",
        "text-encoder": "models/text_encoder",
        "lora": "models/Lora",
        "lycoris": "models/Lora",
        "embedding": "embeddings",
        "hypernetwork": "models/hypernetworks",
        "vae": "models/VAE",
        "controlnet": "models/ControlNet",
        "upscaler": "models/ESRGAN",
        "motion-module": "extensions/sd-webui-animatediff/model",
    },
    "sdnext": {
        "checkpoint": "models/Stable-diffusion",
        "diffusion-model": "models/UNET",
        "text-encoder": "models/Text-encoder",
        "lora": "models/Lora",
        "lycoris": "models/Lora",
        "embedding": "models/embeddings",
        "hypernetwork": "models/hypernetworks",
        "vae": "models/VAE",
        "controlnet": "models/control",
        "upscaler": "models/ESRGAN",
    },
    "comfyui": {
        "checkpoint": "models/checkpoints",
        "diffusion-model": "models/diffusion_models",
        "text-encoder": "models/text_encoders",
        "lora": "models/loras",
        "lycoris": "models/loras",
        "embedding": "models/embeddings",
        "hypernetwork": "models/hypernetworks",
        "vae": "models/vae",
        "controlnet": "models/controlnet",
        "upscaler": "models/upscale_models",
        "motion-module": "models/animatediff_models",
    },
    "fooocus": {
        "checkpoint": "models/checkpoints",
        "lora": "models/loras",
        "lycoris": "models/loras",
        "embedding": "models/embeddings",
        "vae": "models/vae",
        "controlnet": "models/controlnet",
        "upscaler": "models/upscale_models",
    },
    "stabilitymatrix": {
        "checkpoint": "Models/StableDiffusion",
        "diffusion-model": "Models/DiffusionModels",
        "text-encoder": "Models/TextEncoders",
        "lora": "Models/Lora",
        "lycoris": "Models/LyCORIS",
        "embedding": "Models/Embeddings",
        "hypernetwork": "Models/Hypernetwork",
        "vae": "Models/VAE",
        "controlnet": "Models/ControlNet",
        "upscaler": "Models/ESRGAN",
    },
}


def folder_of(layout, model_type, file_name="model.safetensors"):
    brings = get_model_type(model_type).folders
    path = layouts.place(layout, Path("/ui"), model_type, file_name, type_folders=brings)
    return None if path is None else path.parent.relative_to("/ui").as_posix()


@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize("layout", UIS, ids=lambda layout: layout.name)
def test_every_type_has_a_folder_or_a_reason_in_every_ui(layout, model_type):
    folder = folder_of(layout, model_type)

    if folder is None:
        assert layout.no_use.get(model_type), f"{layout.title} says nothing about {model_type}"
    else:
        assert model_type not in layout.no_use


@pytest.mark.parametrize("name", FOLDERS)
def test_a_ui_has_exactly_the_folders_that_its_sources_name(name):
    layout = layouts.get(name)
    found = {slug: folder_of(layout, slug) for slug in TYPES}

    assert {slug: folder for slug, folder in found.items() if folder} == FOLDERS[name]


@pytest.mark.parametrize("layout", UIS, ids=lambda layout: layout.name)
def test_a_layout_speaks_of_types_that_exist(layout):
    known = set(TYPES)

    assert set(layout.folders) | set(layout.by_name) | set(layout.no_use) <= known


@pytest.mark.parametrize("layout", UIS, ids=lambda layout: layout.name)
def test_every_folder_lies_inside_the_ui(layout):
    named = [folder for rules in layout.by_name.values() for _, folder in rules]
    for folder in (*layout.folders.values(), *named):
        assert not PurePosixPath(folder).is_absolute()
        assert ".." not in PurePosixPath(folder).parts


@pytest.mark.parametrize("model_type", TYPES)
def test_the_library_has_a_folder_of_the_types_own_name(model_type):
    assert folder_of(layouts.get("library"), model_type) == model_type


def test_the_library_keeps_types_that_nobody_has_told_us_about():
    library = layouts.get("library")

    assert layouts.place(library, Path("/l"), "hologram", "x.bin") == Path("/l/other/x.bin")


def test_a_ui_leaves_out_types_that_nobody_has_told_us_about():
    assert layouts.place(layouts.get("comfyui"), Path("/ui"), "hologram", "x.bin") is None
