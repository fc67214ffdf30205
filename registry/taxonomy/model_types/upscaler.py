"""Upscalers: networks that enlarge a finished picture."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

# The three spellings of RRDBNet (ESRGAN, Real-ESRGAN), then SwinIR and its relatives.
_SIGNS = (
    "rdb1.conv1.weight",
    "RDB1.conv1.weight",
    "RDB1.conv1.0.weight",
    "layers.0.residual_group.",
)


def _matches(evidence: Evidence) -> str | None:
    name = evidence.any_with(*_SIGNS)
    return f"it holds the blocks of a network that enlarges ({name})" if name else None


TYPE = ModelType(
    name="upscaler",
    title="Upscaler",
    labels={
        "civitai": frozenset({"Upscaler"}),
        "huggingface": frozenset({"upscaler", "super-resolution"}),
        "air": frozenset({"upscaler"}),
    },
    aliases=frozenset({"upscale", "upscale-model", "esrgan"}),
    matches=_matches,
    asked=65,
    extensions=(".pth", ".safetensors", ".pt"),
)
