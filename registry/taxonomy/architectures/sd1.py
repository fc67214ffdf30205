"""Stable Diffusion 1.x."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_WIDTH = 768


def _signature(evidence: Evidence) -> str | None:
    for measure in (evidence.text_width, evidence.embedded_width):
        if measure and measure.value == _WIDTH and not evidence.any_starting("lora_te2_"):
            return f"its text is {_WIDTH} wide ({measure.tensor})"
    return None


ARCHITECTURE = Architecture(
    name="sd1",
    title="Stable Diffusion 1.x",
    native_resolution=512,
    clip_skip=ClipSkipRule(
        least=1, most=12, because="its text encoder has 12 layers and uses the last"
    ),
    labels={
        "civitai": frozenset({"SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"}),
        "huggingface": frozenset(
            {
                "CompVis/stable-diffusion-v1-4",
                "runwayml/stable-diffusion-v1-5",
                "stable-diffusion-v1-5/stable-diffusion-v1-5",
            }
        ),
        "kohya": frozenset({"sd_v1", "sd_1.5"}),
        "modelspec": frozenset({"stable-diffusion-v1"}),
        "gguf": frozenset({"sd1"}),
        "air": frozenset({"sd1"}),
    },
    aliases=frozenset({"sd", "sd15", "sd14", "sd1.x", "1.5", "1.4", "sd-v1-5", "v1"}),
    signature=_signature,
)
