"""Stable Diffusion 3 and 3.5."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_JOINT, _LATENT = "transformer_blocks.0.attn.add_k_proj.weight", 16  # as diffusers calls them
_BLOCK = "joint_blocks.0.context_block.attn.qkv.weight"


def _signature(evidence: Evidence) -> str | None:
    if _BLOCK in evidence.bare:
        return f"its blocks treat text and picture jointly ({_BLOCK})"
    entry = evidence.bare.get("pos_embed.proj.weight", ())
    if _JOINT in evidence.bare and entry[1:2] == (_LATENT,):
        return f"its blocks treat text and picture jointly ({_JOINT})"
    changed = evidence.any_with("lora_unet_joint_blocks_")
    return f"it changes joint blocks ({changed})" if changed else None


ARCHITECTURE = Architecture(
    name="sd3",
    title="Stable Diffusion 3",
    native_resolution=1024,
    clip_skip=ClipSkipRule(least=1, most=1, because="SD 3 fixes the layers that it reads"),
    prediction="rectified flow",
    labels={
        "civitai": frozenset(
            {"SD 3", "SD 3.5", "SD 3.5 Medium", "SD 3.5 Large", "SD 3.5 Large Turbo"}
        ),
        "huggingface": frozenset(
            {
                "diffusers:StableDiffusion3Pipeline",
                "stabilityai/stable-diffusion-3-medium",
                "stabilityai/stable-diffusion-3.5-medium",
                "stabilityai/stable-diffusion-3.5-large",
                "stabilityai/stable-diffusion-3.5-large-turbo",
            }
        ),
        "kohya": frozenset({"sd3", "sd3m", "sd3-m", "sd3.5-large", "sd3.5-medium"}),
        "modelspec": frozenset(
            {
                "stable-diffusion-v3",
                "stable-diffusion-v3-medium",
                "stable-diffusion-v3.5-medium",
                "stable-diffusion-v3.5-large",
            }
        ),
        "gguf": frozenset({"sd3"}),
        "air": frozenset({"sd3"}),
    },
    aliases=frozenset({"sd35", "sd3.5", "sd3.x", "3.5", "v3"}),
    signature=_signature,
)
