"""The refiner of Stable Diffusion XL: it paints the last steps of a picture."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_WIDTH = 1280


def _signature(evidence: Evidence) -> str | None:
    if (measure := evidence.text_width) and measure.value == _WIDTH:
        return f"its text is {_WIDTH} wide ({measure.tensor})"
    return None


ARCHITECTURE = Architecture(
    name="sdxl-refiner",
    title="SDXL refiner",
    native_resolution=1024,
    parent="sdxl",
    clip_skip=ClipSkipRule(least=2, most=2, because="it takes the penultimate layer by itself"),
    labels={
        "civitai": frozenset({"SDXL Refiner"}),
        "huggingface": frozenset({"stabilityai/stable-diffusion-xl-refiner-1.0"}),
        "modelspec": frozenset({"stable-diffusion-xl-v1-refiner"}),
    },
    aliases=frozenset({"refiner", "xl-refiner"}),
    signature=_signature,
)
