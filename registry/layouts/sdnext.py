"""SD.Next. Its folders can be moved by options; these are what the options say at first."""

from registry.layouts.layout import Layout

LAYOUT = Layout(
    name="sdnext",
    title="SD.Next",
    markers=("webui.py", "modules/sd_checkpoint.py"),
    folders={
        "checkpoint": "models/Stable-diffusion",  # ckpt_dir
        "diffusion-model": "models/UNET",  # unet_dir
        "text-encoder": "models/Text-encoder",  # te_dir
        "lora": "models/Lora",  # lora_dir
        "lycoris": "models/Lora",
        "embedding": "models/embeddings",  # embeddings_dir
        "hypernetwork": "models/hypernetworks",  # hypernetwork_dir
        "vae": "models/VAE",  # vae_dir
        "controlnet": "models/control",  # control_dir
        "upscaler": "models/ESRGAN",
    },
    by_name={
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
        "motion-module": "it fetches motion modules by itself, in the diffusers form",
        "other": "a file of unknown kind could be loaded as anything",
    },
)
