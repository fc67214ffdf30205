"""Stable Diffusion XL, the base of many lineages."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_WIDTH, _EMBEDDED = 2048, 1280
# Kolors has the same network behind another language model.
_ANOTHER_MODEL = ("encoder_hid_proj.",)
# SD 3 and Flux have the same two text encoders, among others, but no UNet.
_NO_UNET = ("joint_blocks", "double_blocks", "single_transformer_blocks", "lora_te3_")


def _signature(evidence: Evidence) -> str | None:
    if evidence.any_with(*_ANOTHER_MODEL):
        return None
    if (measure := evidence.text_width) and measure.value == _WIDTH:
        return f"its text is {_WIDTH} wide ({measure.tensor})"
    if (measure := evidence.embedded_width) and measure.value == _EMBEDDED:
        return f"its vectors are {_EMBEDDED} wide ({measure.tensor})"
    second = evidence.any_starting("lora_te2_")
    if second and evidence.any_starting("lora_te1_") and not evidence.any_with(*_NO_UNET):
        return f"it changes two text encoders ({second})"
    if evidence.adapters and evidence.text_width is None and evidence.later_block:
        return f"it changes a third transformer block in one place ({evidence.later_block})"
    return None


ARCHITECTURE = Architecture(
    name="sdxl",
    title="Stable Diffusion XL",
    native_resolution=1024,
    clip_skip=ClipSkipRule(
        least=2,
        most=12,
        because="SDXL takes the penultimate layer by itself, so 1 and 2 give the same picture",
    ),
    labels={
        "civitai": frozenset(
            {
                "SDXL 0.9",
                "SDXL 1.0",
                "SDXL 1.0 LCM",
                "SDXL Distilled",
                "SDXL Lightning",
                "SDXL Hyper",
            }
        ),
        "huggingface": frozenset(
            {
                "stable-diffusion-xl",
                "diffusers:StableDiffusionXLPipeline",
                "stabilityai/stable-diffusion-xl-base-1.0",
            }
        ),
        "kohya": frozenset({"sdxl_base_v1-0", "sdxl_base_v0-9", "sdxl_1.0"}),
        "modelspec": frozenset({"stable-diffusion-xl-v1-base"}),
        "gguf": frozenset({"sdxl"}),
        "air": frozenset({"sdxl"}),
    },
    aliases=frozenset({"xl", "sdxl1.0", "sd-xl", "sdxl10"}),
    signature=_signature,
)
