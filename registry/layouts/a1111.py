"""AUTOMATIC1111's web UI and those that kept its folders: Forge and reForge."""

from registry.layouts.layout import Layout

LAYOUT = Layout(
    name="a1111",
    title="A1111, Forge, reForge",
    # SD.Next has a webui.py as well, but not the other.
    markers=("webui.py", "modules/ui_extra_networks_user_metadata.py"),
    folders={
        "checkpoint": "models/Stable-diffusion",
        "diffusion-model": "models/Stable-diffusion",
        "text-encoder": "models/text_encoder",  # read by Forge; A1111 and reForge leave it alone
        "lora": "models/Lora",
        "lycoris": "models/Lora",  # models/LyCORIS is only read with --lyco-dir-backcompat
        "embedding": "embeddings",  # at the root, not below models
        "hypernetwork": "models/hypernetworks",
        "vae": "models/VAE",
        "controlnet": "models/ControlNet",
        "upscaler": "models/ESRGAN",
    },
    by_name={
        # A VAE that is called like a checkpoint is loaded together with it, from beside it.
        "vae": (
            ("*.vae.safetensors", "models/Stable-diffusion"),
            ("*.vae.ckpt", "models/Stable-diffusion"),
            ("*.vae.pt", "models/Stable-diffusion"),
        ),
        # Each family of upscalers has a loader that looks in one folder; the one for ESRGAN also
        # takes what no other wants.
        "upscaler": (
            ("*realesr*", "models/RealESRGAN"),
            ("*swinir*", "models/SwinIR"),
            ("*scunet*", "models/ScuNET"),
            ("*bsrgan*", "models/BSRGAN"),
            ("*ldsr*", "models/LDSR"),
            ("dat_*", "models/DAT"),
            ("*_dat_*", "models/DAT"),
        ),
    },
    no_use={
        "other": "a file of unknown kind could be loaded as anything",
    },
)
