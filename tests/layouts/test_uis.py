from pathlib import Path

import pytest

from registry import layouts
from registry.errors import InvalidArgument


def test_the_library_comes_first():
    assert layouts.names() == (
        "library",
        "a1111",
        "comfyui",
        "fooocus",
        "sdnext",
        "stabilitymatrix",
    )


def test_a_layout_is_found_by_its_own_name():
    assert [layouts.get(name).name for name in layouts.names()] == list(layouts.names())


def test_an_unknown_ui_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidArgument) as caught:
        layouts.get("paint")

    assert str(caught.value) == "'paint' is not a UI that sdreg knows"
    assert "comfyui" in caught.value.hint


def make_ui(folder, *paths):
    for path in paths:
        place = folder / path
        if "." in place.name:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        else:
            place.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (
            ["webui.py", "modules/sd_models.py", "modules/ui_extra_networks_user_metadata.py"],
            "a1111",
        ),
        (["webui.py", "modules/sd_models.py", "modules/sd_checkpoint.py"], "sdnext"),
        (["main.py", "folder_paths.py", "comfy", "models/checkpoints"], "comfyui"),
        (["webui.py", "fooocus_version.py", "modules", "models/checkpoints"], "fooocus"),
        (["Models/StableDiffusion", "Models/Lora"], "stabilitymatrix"),
    ],
)
def test_a_ui_is_known_by_its_files(tmp_path, paths, name):
    found = layouts.detect(make_ui(tmp_path, *paths))

    assert [layout.name for layout in found] == [name]


def test_a_folder_of_something_else_is_no_ui(tmp_path):
    assert layouts.detect(tmp_path) == ()
    assert layouts.detect(tmp_path / "missing") == ()


@pytest.mark.parametrize(
    ("file_name", "folder"),
    [
        ("RealESRGAN_x4plus.pth", "RealESRGAN"),
        ("realesr-general-x4v3.pth", "RealESRGAN"),
        ("4x-UltraSharp.pth", "ESRGAN"),
        ("ESRGAN_4x.pth", "ESRGAN"),
        ("SwinIR_4x.pth", "SwinIR"),
        ("003_realSR_SwinIR.pth", "SwinIR"),
        ("BSRGAN.pth", "BSRGAN"),
        ("ScuNET.pth", "ScuNET"),
        ("DAT_x4.pth", "DAT"),
        ("update_4x.pth", "ESRGAN"),
    ],
)
def test_an_upscaler_lies_where_its_loader_looks(file_name, folder):
    a1111 = layouts.get("a1111")

    assert a1111.folder_for("upscaler", file_name) == f"models/{folder}"


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt", "pt"])
def test_a_vae_that_is_called_like_a_checkpoint_lies_beside_it_in_a1111(suffix):
    found = layouts.place(layouts.get("a1111"), Path("/ui"), "vae", f"anything.vae.{suffix}")

    assert found == Path(f"/ui/models/Stable-diffusion/anything.vae.{suffix}")


def test_a_preview_decoder_is_an_approximate_vae_in_comfyui():
    comfyui = layouts.get("comfyui")

    assert comfyui.folder_for("vae", "taesd_decoder.safetensors") == "models/vae_approx"
    assert comfyui.folder_for("vae", "vae-ft-mse.safetensors") == "models/vae"
