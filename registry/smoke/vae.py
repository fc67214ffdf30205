"""Try a VAE alone: a made-up picture goes in and must come out again."""

import json
from pathlib import Path

import diffusers
import numpy as np
import torch

from registry.smoke.configs import vae_config
from registry.smoke.devices import Device
from registry.smoke.painter import Picture, quieten
from registry.smoke.recognise import shapes_in, vae_of
from registry.smoke.sample import made_up


def round_trip(
    path: Path, device: Device, folder: Path, size: tuple[int, int]
) -> tuple[Picture, dict[str, float]]:
    """Encode and decode; latents and picture, and how alike it is (`psnr`, in dB).

    A trained VAE reaches more than 20 dB; the figure is told, not judged.
    """
    quieten()
    build = vae_of(shapes_in(path))
    config = vae_config(build.levels, is_xl=False, latent=build.latent)
    (folder / "vae").mkdir()
    (folder / "vae" / "config.json").write_text(json.dumps(config))
    vae = diffusers.AutoencoderKL.from_single_file(
        str(path),
        config=str(folder),
        subfolder="vae",
        local_files_only=True,
        torch_dtype=device.dtype,
    ).to(device.name)
    shown = made_up(*size)
    reads = torch.from_numpy(shown * 2 - 1).permute(2, 0, 1)[None].to(device.name, device.dtype)
    latents = vae.encode(reads).latent_dist.mean
    back = vae.decode(latents).sample.float().cpu()[0].permute(1, 2, 0).numpy() / 2 + 0.5
    error = float(np.mean((np.clip(np.nan_to_num(back), 0, 1) - shown) ** 2))
    figures = {"psnr": float(-10 * np.log10(max(error, 1e-10)))}
    scaled = latents.float().cpu().numpy() * vae.config.scaling_factor
    return Picture(scaled, back), figures
