"""From the shapes in a file to the numbers that it was built from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from registry.formats.safetensors import read_index
from registry.smoke.build import (
    CLIP_L,
    OPEN_CLIP,
    REFINER,
    SD1,
    SD2,
    SDXL,
    UNET,
    VAE,
    Build,
    TextEncoder,
)
from registry.smoke.layout import Shape, Shapes, unet


def shapes_in(path: Path) -> Shapes:
    """Names and shapes of the tensors in a safetensors file.

    Raises:
        FormatError: It is none.
    """
    return {tensor.name: tensor.shape for tensor in read_index(path).tensors}


def build_of(shapes: Mapping[str, Shape]) -> Build | None:
    """The build that these tensors are of, even where some are missing; None if of no known one."""
    likeness = {known: _likeness(known, shapes) for known in (SD1, SD2, SDXL, REFINER)}
    known = max(likeness, key=lambda each: likeness[each])
    if likeness[known] < _MOST:
        return _read_build(shapes)
    reads = shapes.get(f"{UNET}input_blocks.0.0.weight", (0, known.reads))[1]
    return _with_parts(known, shapes, reads)


def _likeness(known: Build, shapes: Mapping[str, Shape]) -> float:
    """How much of this network is there, in shape and name."""
    names = unet(known)
    return sum(shapes.get(name) == shape for name, shape in names.items()) / len(names)


_MOST = 0.6


def _with_parts(known: Build, shapes: Mapping[str, Shape], reads: int) -> Build:
    """The known build as this file has it: with its VAE and its text encoders, if there are any."""
    return replace(
        known,
        reads=reads,
        vae=known.vae if any(name.startswith(VAE) for name in shapes) else (),
        text=tuple(text for text in known.text if any(n.startswith(text.prefix) for n in shapes)),
    )


def _read_build(shapes: Mapping[str, Shape]) -> Build | None:
    """Read the numbers off a file of another size."""
    own = {name.removeprefix(UNET): shape for name, shape in shapes.items() if UNET in name}
    first = own.get("input_blocks.0.0.weight")
    key = next((shape for name, shape in own.items() if name.endswith("attn2.to_k.weight")), None)
    into = next((shape for name, shape in own.items() if name.endswith(".1.proj_in.weight")), None)
    if first is None or key is None or into is None:
        return None
    count = 1 + max(int(name.split(".")[1]) for name in own if name.startswith("input_blocks."))
    downs = [n for n in range(count) if f"input_blocks.{n}.0.op.weight" in own]
    levels = []
    for begin in (1, *(number + 1 for number in downs)):
        out = own.get(f"input_blocks.{begin}.0.out_layers.3.weight")
        if out is None or out[0] % first[0]:
            return None
        levels.append((out[0] // first[0], _depth(own, f"input_blocks.{begin}.1.")))
    if not downs:
        return None
    extra = own.get("label_emb.0.0.weight", (0, 0))[1]
    return Build(
        channels=first[0],
        levels=tuple(levels),
        middle_depth=_depth(own, "middle_block.1."),
        context=key[1],
        reads=first[1],
        linear=len(into) == 2,  # noqa: PLR2004 -- a matrix
        extra=extra,
        vae=_vae_levels(shapes, VAE),
        text=_text_encoders(shapes),
        residuals=downs[0] - 1,
    )


@dataclass(frozen=True, slots=True)
class VaeBuild:
    """The numbers that a VAE is built from.

    Attributes:
        prefix: Of its names: none in a file of its own, as a rule.
        levels: Channels of every level; empty if this is no VAE.
        latent: Channels of what it makes of a picture.
    """

    prefix: str
    levels: tuple[int, ...]
    latent: int


def vae_of(shapes: Mapping[str, Shape]) -> VaeBuild:
    """The VAE that these tensors are of, under either prefix."""
    prefix = VAE if any(name.startswith(VAE) for name in shapes) else ""
    latent = shapes.get(f"{prefix}decoder.conv_in.weight", (0, 4))[1]
    return VaeBuild(prefix, _vae_levels(shapes, prefix), latent)


def _vae_levels(shapes: Mapping[str, Shape], prefix: str) -> tuple[int, ...]:
    levels: list[int] = []
    while shape := shapes.get(f"{prefix}encoder.down.{len(levels)}.block.0.conv1.weight"):
        levels.append(shape[0])
    return tuple(levels)


def _depth(names: Mapping[str, Shape], prefix: str) -> int:
    begin = f"{prefix}transformer_blocks."
    numbers = [int(name.removeprefix(begin).split(".")[0]) for name in names if begin in name]
    return 1 + max(numbers, default=-1)


def _text_encoders(shapes: Mapping[str, Shape]) -> tuple[TextEncoder, ...]:
    found = []
    ways = [(p, "text_model.embeddings.token_embedding", "encoder.layers.") for p in CLIP_L]
    ways += [(p, "token_embedding", "resblocks.") for p in OPEN_CLIP]
    for prefix, words, layers in ways:
        shape = shapes.get(f"{prefix}{words}.weight")
        if shape is not None:
            numbers = (
                int(name.split(layers)[1].split(".")[0])
                for name in shapes
                if name.startswith(prefix) and layers in name
            )
            found.append(TextEncoder(prefix, shape[1], 1 + max(numbers, default=-1), shape[0]))
    return tuple(sorted(found, key=lambda text: text.prefix))
