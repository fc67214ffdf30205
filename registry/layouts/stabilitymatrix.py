"""StabilityMatrix: one tree of models that it shares between the UIs that it installed.

The root is its data folder; the names are those of its SharedFolderType.
"""

from registry.layouts.layout import Layout

LAYOUT = Layout(
    name="stabilitymatrix",
    title="StabilityMatrix",
    markers=("Models/StableDiffusion", "Models/Lora"),
    folders={
        "checkpoint": "Models/StableDiffusion",
        "diffusion-model": "Models/DiffusionModels",
        "text-encoder": "Models/TextEncoders",
        "lora": "Models/Lora",
        "lycoris": "Models/LyCORIS",
        "embedding": "Models/Embeddings",
        "hypernetwork": "Models/Hypernetwork",
        "vae": "Models/VAE",
        "controlnet": "Models/ControlNet",
        "upscaler": "Models/ESRGAN",
    },
    by_name={
        "vae": (("taesd*", "Models/ApproxVAE"), ("taef*", "Models/ApproxVAE")),
        "controlnet": (("*t2i*", "Models/T2IAdapter"),),
        "upscaler": (
            ("*realesr*", "Models/RealESRGAN"),
            ("*swinir*", "Models/SwinIR"),
            ("*scunet*", "Models/ScuNET"),
            ("*bsrgan*", "Models/BSRGAN"),
            ("*ldsr*", "Models/LDSR"),
        ),
    },
    no_use={
        "motion-module": "no shared folder is known for it",
        "other": "a file of unknown kind could be loaded as anything",
    },
)
