"""AnimateDiff motion modules. Their folders come with them: no layout was edited."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType


def _matches(evidence: Evidence) -> str | None:
    name = evidence.any_with("motion_modules.")
    return f"it holds motion modules ({name})" if name else None


TYPE = ModelType(
    name="motion-module",
    title="Motion module",
    labels={
        "civitai": frozenset({"MotionModule"}),
        "huggingface": frozenset({"MotionAdapter"}),
        "air": frozenset({"motion"}),
    },
    aliases=frozenset({"motion", "animatediff"}),
    matches=_matches,
    asked=35,
    folders={
        "a1111": "extensions/sd-webui-animatediff/model",
        "comfyui": "models/animatediff_models",
    },
    extensions=(".safetensors", ".ckpt", ".pth"),
)
