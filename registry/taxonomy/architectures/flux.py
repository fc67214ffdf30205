"""Flux.1: schnell, dev, and their relatives. Flux.2 and Chroma are other networks."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import Architecture, ClipSkipRule

_BLOCK = "double_blocks.0.img_attn.norm.key_norm.scale"
_POOLED_TEXT = "vector_in.in_layer.weight"
_PICTURE_WIDTHS = {64, 128, 384}  # normal; with a control picture; fill
_SINGLE_BLOCK = "single_transformer_blocks.0.attn.to_k.weight"
_CHANGED = ("lora_unet_double_blocks_", "lora_unet_single_blocks_", "single_transformer_blocks.")


def _signature(evidence: Evidence) -> str | None:
    entry = evidence.bare.get("img_in.weight", (0,))
    if _BLOCK in evidence.bare:
        # Chroma and Flux.2 have the same blocks, but not the pooled text.
        if _POOLED_TEXT in evidence.bare and entry[-1] in _PICTURE_WIDTHS:
            kind = "dev" if evidence.any_with("guidance_in.") else "schnell"
            return f"it has Flux's double blocks ({_BLOCK}) and looks like {kind}"
        return None
    # diffusers calls the same parts by other names.
    if _SINGLE_BLOCK in evidence.bare and evidence.any_starting("time_text_embed.text_embedder."):
        if evidence.bare.get("x_embedder.weight", (0,))[-1] in _PICTURE_WIDTHS:
            return f"it has Flux's single blocks ({_SINGLE_BLOCK})"
        return None
    changed = evidence.any_with(*_CHANGED) if evidence.adapters else None
    return f"it changes Flux's blocks ({changed})" if changed else None


ARCHITECTURE = Architecture(
    name="flux",
    title="Flux.1",
    native_resolution=1024,
    clip_skip=ClipSkipRule(
        least=1, most=1, because="Flux listens to T5; of CLIP it uses one pooled vector"
    ),
    prediction="rectified flow",
    labels={
        "civitai": frozenset({"Flux.1 S", "Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext"}),
        "huggingface": frozenset(
            {
                "diffusers:FluxPipeline",
                "black-forest-labs/FLUX.1-dev",
                "black-forest-labs/FLUX.1-schnell",
            }
        ),
        "kohya": frozenset({"flux", "flux1", "flux1-dev", "flux1-schnell"}),
        "modelspec": frozenset({"flux-1-dev", "flux-1-schnell", "flux1-dev", "flux1-schnell"}),
        "gguf": frozenset({"flux"}),
        "air": frozenset({"flux1"}),
    },
    aliases=frozenset({"flux1", "flux.1", "flux-dev", "flux-schnell"}),
    signature=_signature,
)
