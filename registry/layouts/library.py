"""Our own folder, for people without a UI: a folder per type, files under human names."""

from registry.layouts.layout import Layout

_TYPES = (
    "checkpoint",
    "controlnet",
    "diffusion-model",
    "embedding",
    "hypernetwork",
    "lora",
    "lycoris",
    "motion-module",
    "other",
    "text-encoder",
    "upscaler",
    "vae",
)

LAYOUT = Layout(
    name="library",
    title="the library",
    folders={slug: slug for slug in _TYPES},
    otherwise="other",
)
