"""Small models in the real formats, built on the spot: what the demonstration installs.

Names, metadata and containers are those of real files, so every room treats them as such; the
weights are noise from a fixed seed, so their hashes are the same on every run of one machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.demo import shapes, torch_zip
from registry.demo.safetensors_file import write_safetensors
from registry.domain.variant import FileFormat, Precision, Pruning

Weights = dict[str, NDArray[np.float32]]

_SEED = 20220822  # the day Stable Diffusion came out
_CHECKPOINT = "demo-diffusion"


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One file of the demonstration. Several files of one slug are variants of one model.

    Attributes:
        slug: Short name of the model.
        name: Its name.
        type: Slug of its type.
        base: Slug of what it is made for.
        file_name: Name of the file.
        format: Format of the file.
        precision: Number format of its weights.
        pruning: Which copies of the weights it holds; None where the word means nothing.
        path: Where it was written.
        trigger_words: Words that it pretends to be trained on.
        clip_skip: Recommended CLIP skip in A1111's numbering, None if it has none.
    """

    slug: str
    name: str
    type: str
    base: str
    file_name: str
    format: FileFormat
    precision: Precision
    pruning: Pruning | None
    path: Path
    trigger_words: tuple[str, ...] = ()
    clip_skip: int | None = None


def build(folder: Path) -> tuple[DemoModel, ...]:
    """Write every model of the demonstration into `folder`; about 130 MB, in about a second.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = _noise(shapes.checkpoint(), _SEED)
    return (*_checkpoints(folder, weights), _lora(folder), _embedding(folder), _vae(folder))


def _checkpoints(folder: Path, weights: Weights) -> tuple[DemoModel, ...]:
    """One model in three variants: small and safe, the same as a pickle, and full."""

    def variant(suffix: str, precision: Precision, pruning: Pruning) -> DemoModel:
        file_name = f"demoDiffusion-{pruning}-{precision}{suffix}"
        return DemoModel(
            slug=_CHECKPOINT,
            name="Demo Diffusion",
            type="checkpoint",
            base="sd1",
            file_name=file_name,
            format=FileFormat.from_name(file_name),
            precision=precision,
            pruning=pruning,
            path=folder / file_name,
            trigger_words=("demo style",),
            clip_skip=2,
        )

    half = {name: array.astype(np.float16) for name, array in weights.items()}
    small = variant(".safetensors", Precision.FP16, Pruning.PRUNED)
    write_safetensors(small.path, half, {"modelspec.architecture": "stable-diffusion-v1"})
    pickled = variant(".ckpt", Precision.FP16, Pruning.PRUNED)
    torch_zip.write_checkpoint(pickled.path, half)
    full = variant(".safetensors", Precision.FP32, Pruning.FULL)
    write_safetensors(full.path, weights | _averages(weights), {"format": "pt"})
    return small, pickled, full


def _lora(folder: Path) -> DemoModel:
    lora = DemoModel(
        slug="demo-ink-lora",
        name="Demo Ink",
        type="lora",
        base="sdxl",
        file_name="demoInkXL.safetensors",
        format=FileFormat.SAFETENSORS,
        precision=Precision.FP16,
        pruning=None,
        path=folder / "demoInkXL.safetensors",
        trigger_words=("demo ink", "ink wash"),
    )
    metadata = {
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "4",
        "ss_network_alpha": "4",
        "ss_output_name": "demoInkXL",
    }
    _save_half(_noise(shapes.sdxl_lora(), _SEED + 1), lora.path, metadata)
    return lora


def _embedding(folder: Path) -> DemoModel:
    embedding = DemoModel(
        slug="demo-negative",
        name="Demo Negative",
        type="embedding",
        base="sd1",
        file_name="DemoNegative.safetensors",
        format=FileFormat.SAFETENSORS,
        precision=Precision.FP32,
        pruning=None,
        path=folder / "DemoNegative.safetensors",
        trigger_words=("DemoNegative",),
    )
    write_safetensors(embedding.path, _noise(shapes.embedding(), _SEED + 2))
    return embedding


def _vae(folder: Path) -> DemoModel:
    vae = DemoModel(
        slug="demo-vae",
        name="Demo VAE",
        type="vae",
        base="sd1",
        file_name="demo-vae.safetensors",
        format=FileFormat.SAFETENSORS,
        precision=Precision.FP16,
        pruning=None,
        path=folder / "demo-vae.safetensors",
    )
    _save_half(_noise(shapes.vae(), _SEED + 3), vae.path, {"format": "pt"})
    return vae


def _save_half(weights: Weights, path: Path, metadata: Mapping[str, str]) -> None:
    half = {name: array.astype(np.float16) for name, array in weights.items()}
    write_safetensors(path, half, metadata)


def _averages(weights: Weights) -> Weights:
    """What training keeps beside the weights: a slower copy of the network, and two counters."""
    network = [name for name in weights if name.startswith("model.diffusion_model.")]
    copies = zip(shapes.averaged({n: weights[n].shape for n in network}), network, strict=True)
    averages = {copy: weights[name] * np.float32(0.999) for copy, name in copies}
    return averages | {
        "model_ema.decay": np.array(0.9999, np.float32),
        "model_ema.num_updates": np.array(840_000, np.float32),
    }


def _noise(wanted: shapes.Shapes, seed: int) -> Weights:
    """Weights that a network could start with: small noise, norms at one, biases at zero."""
    source = np.random.default_rng(seed)
    drawn = source.standard_normal(sum(prod(shape) for shape in wanted.values()), dtype=np.float32)
    drawn *= np.float32(0.02)
    weights: Weights = {}
    at = 0
    for name, shape in wanted.items():
        size = prod(shape)
        if name.endswith(".bias"):
            weights[name] = np.zeros(shape, np.float32)
        elif name.endswith(".alpha"):
            weights[name] = np.array(4, np.float32)
        elif len(shape) == 1:
            weights[name] = np.ones(shape, np.float32)
        else:
            weights[name] = drawn[at : at + size].reshape(shape)
        at += size
    return weights
