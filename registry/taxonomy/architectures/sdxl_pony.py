"""Pony Diffusion: an SDXL so far from its origin that its LoRAs are a world of their own."""

from registry.taxonomy.kind import Architecture, ClipSkipRule

ARCHITECTURE = Architecture(
    name="sdxl-pony",
    title="Pony Diffusion V6 XL",
    native_resolution=1024,
    parent="sdxl",
    clip_skip=ClipSkipRule(
        least=2,
        most=12,
        because="SDXL takes the penultimate layer by itself, so 1 and 2 give the same picture",
    ),
    labels={
        "civitai": frozenset({"Pony"}),
        "huggingface": frozenset(
            {"AstraliteHeart/pony-diffusion-v6", "LyliaEngine/Pony_Diffusion_V6_XL"}
        ),
    },
    aliases=frozenset({"pony", "pony-xl", "ponyxl", "pdxl"}),
)
