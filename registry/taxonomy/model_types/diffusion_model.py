"""The painting network alone, without text encoder and VAE."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_SIGNS = (
    "input_blocks.0.0.weight",
    "joint_blocks.0.context_block.attn.qkv.weight",
    "double_blocks.0.img_attn.norm.key_norm.scale",
    "down_blocks.0.resnets.0.conv1.weight",
    "transformer_blocks.0.attn.add_k_proj.weight",
)
_HAS_TIME = ("time_embed.0.weight", "time_embedding.linear_1.weight", "t_embedder.mlp.0.weight")
_HAS_TIME_TOO = (
    "time_in.in_layer.weight",
    "time_text_embed.timestep_embedder.linear_1.weight",
)


def _matches(evidence: Evidence) -> str | None:
    body = next((name for name in _SIGNS if name in evidence.bare), None)
    clock = next((name for name in _HAS_TIME + _HAS_TIME_TOO if name in evidence.bare), None)
    if body and clock:
        return f"it holds a network that paints ({body}), and neither text encoder nor VAE"
    return None


TYPE = ModelType(
    name="diffusion-model",
    title="Diffusion model",
    labels={
        "civitai": frozenset({"UNet", "Diffusion Model", "DiffusionModel"}),
        "huggingface": frozenset({"UNet2DConditionModel", "FluxTransformer2DModel"}),
        "air": frozenset({"unet"}),
    },
    aliases=frozenset({"transformer", "unet-only"}),
    matches=_matches,
    asked=80,
    extensions=(".safetensors", ".gguf", ".pt"),
)
