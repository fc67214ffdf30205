"""What a Stable Diffusion is built from: a few numbers; names and shapes follow from them. Pure."""

from dataclasses import dataclass

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP_L = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.")
OPEN_CLIP = (
    "cond_stage_model.model.",
    "conditioner.embedders.1.model.",
    "conditioner.embedders.0.model.",
)


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """One text encoder: where its tensors are, its width, its layers, how many words it knows."""

    prefix: str
    width: int
    layers: int
    words: int = 49408

    @property
    def is_open_clip(self) -> bool:
        """Whether it is OpenCLIP's, whose layers have other names."""
        return self.prefix in OPEN_CLIP


@dataclass(frozen=True, slots=True)
class Build:
    """The numbers that a checkpoint is built from.

    Attributes:
        channels: Of the network's first level.
        levels: Channels of every level, as multiples of the first, and the depth of its
            transformers (0 for none).
        middle_depth: Depth of the transformer in the middle.
        context: Width of what the text encoders tell.
        reads: Channels of the input: 4, and 9 for inpainting.
        linear: The transformers project by matrices, and not by convolutions of 1 × 1.
        extra: Width of what SDXL is told beside the words; 0 for others.
        vae: Channels of every level of the VAE; empty if the file brings none.
        text: The text encoders, in their order.
        residuals: Blocks for each level.
    """

    channels: int
    levels: tuple[tuple[int, int], ...]
    middle_depth: int
    context: int
    reads: int = 4
    linear: bool = False
    extra: int = 0
    vae: tuple[int, ...] = (128, 256, 512, 512)
    text: tuple[TextEncoder, ...] = ()
    residuals: int = 2

    @property
    def is_xl(self) -> bool:
        """Whether it is told sizes and a pooled text, as SDXL and its refiner are."""
        return self.extra > 0


_LEVELS = ((1, 1), (2, 1), (4, 1), (4, 0))
SD1 = Build(320, _LEVELS, 1, 768, text=(TextEncoder(CLIP_L[0], 768, 12),))
SD2 = Build(320, _LEVELS, 1, 1024, linear=True, text=(TextEncoder(OPEN_CLIP[0], 1024, 24),))
SDXL = Build(
    320,
    ((1, 0), (2, 2), (4, 10)),
    10,
    2048,
    linear=True,
    extra=2816,
    text=(TextEncoder(CLIP_L[1], 768, 12), TextEncoder(OPEN_CLIP[1], 1280, 32)),
)
REFINER = Build(
    384,
    ((1, 0), (2, 4), (4, 4), (4, 0)),
    4,
    1280,
    linear=True,
    extra=2560,
    text=(TextEncoder(OPEN_CLIP[2], 1280, 32),),
)
