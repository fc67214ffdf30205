"""Fooocus. Its config.txt can move these folders; these are where it looks at first."""

from registry.layouts.layout import Layout

LAYOUT = Layout(
    name="fooocus",
    title="Fooocus",
    markers=("fooocus_version.py", "modules"),
    folders={
        "checkpoint": "models/checkpoints",  # path_checkpoints
        "lora": "models/loras",  # path_loras
        "lycoris": "models/loras",
        "embedding": "models/embeddings",  # path_embeddings
        "vae": "models/vae",  # path_vae
        "controlnet": "models/controlnet",  # path_controlnet
        "upscaler": "models/upscale_models",  # path_upscale_models
    },
    by_name={
        "vae": (("taesd*", "models/vae_approx"), ("taef*", "models/vae_approx")),
    },
    no_use={
        "diffusion-model": "it loads whole checkpoints only",
        "text-encoder": "it loads whole checkpoints only",
        "hypernetwork": "it has no hypernetworks",
        "motion-module": "it makes single pictures only",
        "other": "a file of unknown kind could be loaded as anything",
    },
)
