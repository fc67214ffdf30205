"""The configuration of a pipeline, from the shapes in its file: nothing is asked of any hub.

diffusers reads a single file with the help of a folder of JSON documents, one for each part. Those
for the published models lie at a hub; here they follow from the file itself (`build.Build`), in
the fields that `UNet2DConditionModel`, `AutoencoderKL` and `CLIPTextConfig` document.
"""

import json
from pathlib import Path
from typing import Any

from registry.smoke.build import Build, TextEncoder

_HEAD_WIDTH = 64
_FULL_SIZE = 320
_SMALL_HEADS, _FULL_HEADS = 2, 8
_XL_SCALE, _SCALE = 0.13025, 0.18215


def write_configs(build: Build, folder: Path, *, prediction: str | None = None) -> str:
    """Write the folder; the name of the pipeline's class.

    Args:
        build: What the file is built from.
        folder: Where to; it is made.
        prediction: ``v_prediction`` or anything else, which is the noise.
    """
    parts: dict[str, dict[str, Any]] = {
        "unet": _unet(build),
        "vae": vae_config(build.vae, is_xl=build.is_xl),
        "scheduler": _scheduler("v_prediction" if prediction == "v_prediction" else "epsilon"),
    }
    index: dict[str, Any] = {
        "_class_name": _pipeline(build),
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    for name, text in text_parts(build):
        kind = (
            "CLIPTextModelWithProjection" if build.is_xl and text.is_open_clip else "CLIPTextModel"
        )
        index[name] = ["transformers", kind]
        index[name.replace("text_encoder", "tokenizer")] = [None, None]
        parts[name] = _text(text, kind)
    if not build.is_xl:
        index |= {
            "safety_checker": [None, None],
            "feature_extractor": [None, None],
            "requires_safety_checker": False,
        }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    for name, part in parts.items():
        (folder / name).mkdir(exist_ok=True)
        file = "scheduler_config.json" if name == "scheduler" else "config.json"
        (folder / name / file).write_text(json.dumps(part))
    return str(index["_class_name"])


def text_parts(build: Build) -> list[tuple[str, TextEncoder]]:
    """The text encoders under the names that the pipeline has for them."""
    if build.is_xl:
        return [(f"text_encoder{'_2' if t.is_open_clip else ''}", t) for t in build.text]
    return [("text_encoder", text) for text in build.text]


def vae_config(levels: tuple[int, ...], *, is_xl: bool, latent: int = 4) -> dict[str, Any]:
    """The configuration of a VAE with these channels on its levels."""
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": list(levels),
        "down_block_types": ["DownEncoderBlock2D"] * len(levels),
        "up_block_types": ["UpDecoderBlock2D"] * len(levels),
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": latent,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "sample_size": 1024 if is_xl else 512,
        "scaling_factor": _XL_SCALE if is_xl else _SCALE,
        "force_upcast": is_xl,
    }


def _pipeline(build: Build) -> str:
    if not build.is_xl:
        return "StableDiffusionPipeline"
    both = len(build.text) > 1
    return "StableDiffusionXLPipeline" if both else "StableDiffusionXLImg2ImgPipeline"


def _unet(build: Build) -> dict[str, Any]:
    channels = [multiple * build.channels for multiple, _ in build.levels]
    depths = [depth for _, depth in build.levels]
    full = build.channels >= _FULL_SIZE
    heads: int | list[int] = _FULL_HEADS if full else _SMALL_HEADS
    if full and build.linear:
        heads = [count // _HEAD_WIDTH for count in channels]
    down = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths]
    up = ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)]
    config: dict[str, Any] = {
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": channels,
        "cross_attention_dim": build.context,
        "down_block_types": down,
        "up_block_types": up,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": build.reads,
        "layers_per_block": build.residuals,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 128 if build.is_xl else 64,
        "transformer_layers_per_block": [depth or 1 for depth in depths],
        "use_linear_projection": build.linear,
    }
    if build.is_xl:
        # The refiner's last level has no transformer: its middle has the depth of the level above.
        if depths[-1] == 0:
            config["transformer_layers_per_block"][-1] = build.middle_depth
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": build.extra,
        }
    return config


def _text(text: TextEncoder, kind: str) -> dict[str, Any]:
    # SD2 stops before the last of its 24 layers, so diffusers' model has 23.
    unused = 1 if text.is_open_clip and kind == "CLIPTextModel" else 0
    return {
        "architectures": [kind],
        "model_type": "clip_text_model",
        "hidden_size": text.width,
        "intermediate_size": 4 * text.width,
        "num_hidden_layers": text.layers - unused,
        "num_attention_heads": max(1, text.width // _HEAD_WIDTH),
        "max_position_embeddings": 77,
        "vocab_size": text.words,
        "hidden_act": "gelu" if text.is_open_clip else "quick_gelu",
        "layer_norm_eps": 1e-5,
        "projection_dim": text.width,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 0 if text.is_open_clip else 49407,
    }


def _scheduler(prediction: str) -> dict[str, Any]:
    return {
        "_class_name": "EulerDiscreteScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": prediction,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "interpolation_type": "linear",
        "use_karras_sigmas": False,
    }
