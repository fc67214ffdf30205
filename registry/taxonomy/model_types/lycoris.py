"""LyCORIS: the relatives of LoRA, which also change convolutions or use other products."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

# Words that only this family uses.
_PARTS = {
    "hada_w1_a": "LoHa",
    "lokr_w1": "LoKr",
    "lokr_w1_a": "LoKr",
    "oft_blocks": "OFT",
    "oft_diag": "OFT",
    "on_input": "IA3",
    "a1": "GLoRA",
    "diff": "full differences",
}


def _matches(evidence: Evidence) -> str | None:
    if "diff" in evidence.adapters and "lora_down" in evidence.adapters:
        return None  # a LoRA that came with some layers whole is still a LoRA
    if "a1" in evidence.adapters and "b1" not in evidence.adapters:
        return None
    for part, name in _PARTS.items():
        if part in evidence.adapters:
            return f"it holds parts of {name} ({evidence.adapters[part]})"
    wide = (
        tensor
        for tensor, shape in evidence.shapes.items()
        if "lora_down" in tensor and len(shape) == 4 and shape[2] > 1  # noqa: PLR2004 - a kernel
    )
    if convolution := next(wide, None):
        return f"it changes convolutions too ({convolution}), as LoCon does"
    return None


TYPE = ModelType(
    name="lycoris",
    title="LyCORIS",
    labels={
        "civitai": frozenset({"LoCon"}),
        "huggingface": frozenset({"lycoris", "loha", "lokr", "locon"}),
        "air": frozenset({"lycoris"}),
    },
    aliases=frozenset({"locon", "loha", "lokr", "oft", "ia3", "glora"}),
    matches=_matches,
    asked=10,
)
