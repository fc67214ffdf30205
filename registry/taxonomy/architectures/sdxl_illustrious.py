"""Illustrious, and NoobAI that was trained on from it."""

from registry.taxonomy.kind import Architecture, ClipSkipRule

ARCHITECTURE = Architecture(
    name="sdxl-illustrious",
    title="Illustrious XL",
    native_resolution=1024,
    parent="sdxl",
    clip_skip=ClipSkipRule(
        least=2,
        most=12,
        because="SDXL takes the penultimate layer by itself, so 1 and 2 give the same picture",
    ),
    labels={
        "civitai": frozenset({"Illustrious", "NoobAI"}),
        "huggingface": frozenset(
            {"OnomaAIResearch/Illustrious-xl-early-release-v0", "Laxhar/noobai-XL-1.1"}
        ),
    },
    aliases=frozenset({"illustrious", "illustrious-xl", "il", "ilxl", "noobai", "noob"}),
)
