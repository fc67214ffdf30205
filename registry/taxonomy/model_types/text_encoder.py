"""Text encoders alone: CLIP and T5, for models that are published in parts."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_SIGNS = (
    "text_model.encoder.layers.0.self_attn.q_proj.weight",
    "encoder.block.0.layer.0.SelfAttention.q.weight",
    "transformer.resblocks.0.attn.in_proj_weight",
    "enc.blk.0.attn_q.weight",  # T5 in a GGUF file
)


def _matches(evidence: Evidence) -> str | None:
    sign = next((name for name in _SIGNS if name in evidence.shapes), None)
    if sign and not evidence.any_with("diffusion_model."):
        return f"it holds a text encoder ({sign}) and nothing that paints"
    return None


TYPE = ModelType(
    name="text-encoder",
    title="Text encoder",
    labels={
        "civitai": frozenset({"TextEncoder", "Text Encoder"}),
        "huggingface": frozenset({"text_encoder", "CLIPTextModel", "T5EncoderModel"}),
        "air": frozenset({"clip", "text_encoders"}),
    },
    aliases=frozenset({"clip", "t5"}),
    matches=_matches,
    asked=90,
)
