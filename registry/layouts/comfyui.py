"""ComfyUI. The keys of its folder_paths.py stand behind the folders."""

from registry.layouts.layout import Layout

LAYOUT = Layout(
    name="comfyui",
    title="ComfyUI",
    markers=("folder_paths.py", "comfy"),
    folders={
        "checkpoint": "models/checkpoints",  # checkpoints
        "diffusion-model": "models/diffusion_models",  # models/unet is the old one
        "text-encoder": "models/text_encoders",  # models/clip is the old one
        "lora": "models/loras",  # loras
        "lycoris": "models/loras",
        "embedding": "models/embeddings",  # embeddings
        "hypernetwork": "models/hypernetworks",  # hypernetworks
        "vae": "models/vae",  # vae
        "controlnet": "models/controlnet",  # controlnet
        "upscaler": "models/upscale_models",  # upscale_models
    },
    by_name={
        # The small decoders for previews are another key.
        "vae": (("taesd*", "models/vae_approx"), ("taef*", "models/vae_approx")),
    },
    no_use={
        "other": "no node reads a file of unknown kind",
    },
)
