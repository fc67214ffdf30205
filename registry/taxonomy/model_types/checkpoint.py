"""Whole models: the network that paints, its text encoder and its VAE."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_NETWORKS = (
    "model.diffusion_model.input_blocks.",
    "model.diffusion_model.joint_blocks.",
    "model.diffusion_model.double_blocks.",
    "model_ema.diffusion_modelinput_blocks",  # where only the averaged weights were kept
)
_COMPANIONS = ("first_stage_model.", "cond_stage_model.", "conditioner.", "text_encoders.", "vae.")


def _matches(evidence: Evidence) -> str | None:
    network = evidence.any_starting(*_NETWORKS)
    companion = evidence.any_starting(*_COMPANIONS)
    if network and companion:
        return f"it holds a whole model: a network ({network}) and what belongs to it ({companion})"
    return None


TYPE = ModelType(
    name="checkpoint",
    title="Checkpoint",
    labels={
        "civitai": frozenset({"Checkpoint"}),
        # Not the tags `stable-diffusion` and `text-to-image`: LoRAs carry them too.
        "huggingface": frozenset(
            {
                "diffusers:StableDiffusionPipeline",
                "diffusers:StableDiffusionXLPipeline",
                "diffusers:StableDiffusion3Pipeline",
                "diffusers:FluxPipeline",
            }
        ),
        "air": frozenset({"checkpoint"}),
    },
    aliases=frozenset({"model", "ckpt", "base-model"}),
    matches=_matches,
    asked=70,
    extensions=(".safetensors", ".ckpt"),
)
