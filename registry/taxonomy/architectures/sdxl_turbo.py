"""SDXL Turbo: a distilled SDXL that paints in one to four steps, at 512 pixels."""

from registry.taxonomy.kind import Architecture, ClipSkipRule

ARCHITECTURE = Architecture(
    name="sdxl-turbo",
    title="SDXL Turbo",
    native_resolution=512,
    parent="sdxl",
    clip_skip=ClipSkipRule(
        least=2,
        most=12,
        because="SDXL takes the penultimate layer by itself, so 1 and 2 give the same picture",
    ),
    labels={
        "civitai": frozenset({"SDXL Turbo"}),
        "huggingface": frozenset({"stabilityai/sdxl-turbo"}),
    },
    aliases=frozenset({"turbo", "xl-turbo"}),
)
