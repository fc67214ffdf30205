"""Upscalers: networks that enlarge a finished picture."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

# Both spellings of RRDBNet, which ESRGAN and Real-ESRGAN use.
_SIGNS = ("rdb1.conv1.weight", "RDB1.conv1.0.weight")


def _matches(evidence: Evidence) -> str | None:
    name = evidence.any_with(*_SIGNS)
    return f"it holds the dense blocks of an ESRGAN ({name})" if name else None


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
