"""ControlNets: they steer a checkpoint by a sketch, a pose or a depth map."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_SIGNS = ("zero_convs.0.0.weight", "controlnet_cond_embedding.", "controlnet_down_blocks.")


def _matches(evidence: Evidence) -> str | None:
    name = evidence.any_with(*_SIGNS) or evidence.any_starting("control_model.", "lllite_unet")
    return f"it holds a control branch ({name})" if name else None


TYPE = ModelType(
    name="controlnet",
    title="ControlNet",
    labels={
        "civitai": frozenset({"Controlnet"}),
        "huggingface": frozenset({"controlnet", "ControlNetModel"}),
        "air": frozenset({"controlnet"}),
    },
    aliases=frozenset({"control-net", "control", "cn"}),
    matches=_matches,
    asked=40,
    extensions=(".safetensors", ".pth", ".pt"),
)
