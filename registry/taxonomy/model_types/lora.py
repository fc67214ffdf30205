"""LoRAs: small changes to a checkpoint, as products of two thin matrices."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_PAIRS = (
    ("lora_down", "lora_up"),
    ("lora_A", "lora_B"),
    ("lora.down", "lora.up"),
    ("lora_linear_layer.down", "lora_linear_layer.up"),
    ("down", "up"),
)


def _matches(evidence: Evidence) -> str | None:
    for down, up in _PAIRS:
        if down in evidence.adapters and up in evidence.adapters:
            return f"it holds pairs of thin matrices ({evidence.adapters[down]})"
    return None


TYPE = ModelType(
    name="lora",
    title="LoRA",
    labels={
        "civitai": frozenset({"LORA", "DoRA"}),
        "huggingface": frozenset({"lora"}),
        "air": frozenset({"lora", "dora"}),
    },
    aliases=frozenset({"low-rank-adaptation"}),
    matches=_matches,
    asked=20,
)
