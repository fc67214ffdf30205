from pathlib import Path

import pytest

from registry.layouts.layout import Layout, place

UI = Layout(
    name="ui",
    title="A UI",
    folders={"lora": "models/Lora"},
    by_name={"vae": (("*.vae.pt", "models/ckpt"),)},
    no_use={"upscaler": "it cannot"},
)


def test_a_file_lies_in_the_folder_of_its_type():
    assert place(UI, Path("/ui"), "lora", "ink.safetensors") == Path(
        "/ui/models/Lora/ink.safetensors"
    )


def test_the_layouts_own_row_wins_over_the_folder_that_the_type_brings():
    found = place(UI, Path("/ui"), "lora", "x.pt", type_folders={"ui": "elsewhere"})

    assert found == Path("/ui/models/Lora/x.pt")


def test_a_new_type_brings_its_folder_along():
    found = place(UI, Path("/ui"), "hologram", "x.pt", type_folders={"ui": "models/holo"})

    assert found == Path("/ui/models/holo/x.pt")


def test_no_use_is_stronger_than_a_folder_that_the_type_brings():
    assert place(UI, Path("/ui"), "upscaler", "x.pt", type_folders={"ui": "up"}) is None


def test_a_name_can_decide_the_folder_whatever_its_case():
    assert place(UI, Path("/ui"), "vae", "Some.VAE.PT") == Path("/ui/models/ckpt/Some.VAE.PT")
    assert place(UI, Path("/ui"), "vae", "some.pt") is None


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "C:x", "x\0"])
def test_a_name_that_is_not_safe_is_a_mistake(name):
    with pytest.raises(ValueError, match="not a safe file name"):
        place(UI, Path("/ui"), "lora", name)


@pytest.mark.parametrize("folder", ["", "/etc", "../other", "a/../../b", "C:\\x", "a\0b"])
def test_a_folder_that_leads_out_of_the_ui_is_a_mistake(folder):
    with pytest.raises(ValueError, match="not a folder inside A UI"):
        place(UI, Path("/ui"), "hologram", "x.pt", type_folders={"ui": folder})
