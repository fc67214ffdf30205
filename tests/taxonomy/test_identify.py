"""Real models, reduced to the names and shapes that tell what they are."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.demo import shapes
from registry.domain.tensors import TensorIndex, TensorInfo
from registry.domain.variant import Precision, Pruning
from registry.taxonomy.identify import identify
from registry.taxonomy.prediction import telling_bias

UNET = "model.diffusion_model."
LDM_KEY = "attn2.to_k.weight"
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8, "U8": 1}


def index(tensors, dtype="F16", **metadata):
    """An index of these names and shapes, packed without gaps; a dtype may stand beside a shape."""
    infos, at = [], 100
    for name, shape in tensors.items():
        kind = dtype
        if shape and isinstance(shape[0], str):
            kind, shape = shape  # noqa: PLW2901 - the pair is (dtype, shape)
        end = at + prod(shape) * WIDTHS.get(kind, 1)
        infos.append(TensorInfo(name, kind, tuple(shape), at, end))
        at = end
    return TensorIndex(tuple(infos), {k.replace("__", "."): v for k, v in metadata.items()})


def checkpoint(width, *, channels=4, block="input_blocks.2.1"):
    return {
        f"{UNET}input_blocks.0.0.weight": (320, channels, 3, 3),
        f"{UNET}{block}.transformer_blocks.0.{LDM_KEY}": (640, width),
        f"{UNET}time_embed.0.weight": (1280, 320),
        "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        "cond_stage_model.transformer.text_model.final_layer_norm.bias": (768,),
    }


FLUX = {
    "double_blocks.0.img_attn.norm.key_norm.scale": (128,),
    "img_in.weight": (3072, 64),
    "vector_in.in_layer.weight": (3072, 768),
    "time_in.in_layer.weight": (3072, 256),
}
KOHYA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"

CASES = {
    "SD 1.5": (checkpoint(768), "checkpoint", "sd1"),
    "SD 2.1": (checkpoint(1024), "checkpoint", "sd2"),
    "SDXL": (checkpoint(2048, block="input_blocks.4.1"), "checkpoint", "sdxl"),
    "SDXL refiner": (checkpoint(1280, block="input_blocks.4.1"), "checkpoint", "sdxl-refiner"),
    "SD 3": (
        {
            f"{UNET}joint_blocks.0.context_block.attn.qkv.weight": (4608, 1536),
            f"{UNET}x_embedder.proj.weight": (1536, 16, 2, 2),
            "first_stage_model.decoder.conv_in.weight": (512, 16, 3, 3),
        },
        "checkpoint",
        "sd3",
    ),
    "Flux, the network alone": (FLUX, "diffusion-model", "flux"),
    "Flux with its encoders": (
        {UNET + name: shape for name, shape in FLUX.items()}
        | {"vae.decoder.conv_in.weight": (512, 16, 3, 3)},
        "checkpoint",
        "flux",
    ),
    "Chroma": (
        {name: shape for name, shape in FLUX.items() if "vector_in" not in name}
        | {"distilled_guidance_layer.in_proj.weight": (5120, 64)},
        "diffusion-model",
        "unknown",
    ),
    "a UNet alone": (
        {
            "input_blocks.0.0.weight": (320, 4, 3, 3),
            "time_embed.0.weight": (1280, 320),
            f"input_blocks.2.1.transformer_blocks.0.{LDM_KEY}": (320, 768),
        },
        "diffusion-model",
        "sd1",
    ),
    "a video model with the width of SD 2": (
        checkpoint(1024) | {f"{UNET}input_blocks.2.1.time_stack.0.norm1.bias": (320,)},
        "checkpoint",
        "unknown",
    ),
    "kohya LoRA for SD 1": (
        {f"{KOHYA}.lora_down.weight": (4, 768), f"{KOHYA}.lora_up.weight": (640, 4)},
        "lora",
        "sd1",
    ),
    "kohya LoRA for SDXL": (
        {f"{KOHYA}.lora_down.weight": (4, 2048), f"{KOHYA}.lora_up.weight": (640, 4)},
        "lora",
        "sdxl",
    ),
    "LoRA of the text encoder alone": (
        {
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": (4, 768),
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight": (768, 4),
        },
        "lora",
        "sd1",
    ),
    "LoRA of two text encoders": (
        {
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 768),
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (3072, 4),
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 1280),
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (5120, 4),
        },
        "lora",
        "sdxl",
    ),
    "LoRA of self-attention in a third block": (
        {
            "lora_unet_mid_block_attentions_0_transformer_blocks_7_attn1_to_q.lora_down.weight": (
                4,
                1280,
            ),
            "lora_unet_mid_block_attentions_0_transformer_blocks_7_attn1_to_q.lora_up.weight": (
                1280,
                4,
            ),
        },
        "lora",
        "sdxl",
    ),
    "diffusers LoRA": (
        {
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (
                8,
                768,
            ),
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_B.weight": (
                320,
                8,
            ),
        },
        "lora",
        "sd1",
    ),
    "old diffusers LoRA": (
        {
            "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (
                4,
                1024,
            ),
            "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight": (
                1280,
                4,
            ),
        },
        "lora",
        "sd2",
    ),
    "Flux LoRA": (
        {
            "lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": (16, 3072),
            "lora_unet_double_blocks_0_img_attn_proj.lora_up.weight": (3072, 16),
        },
        "lora",
        "flux",
    ),
    "Flux LoRA of diffusers": (
        {
            "transformer.transformer_blocks.7.attn.to_q.lora_A.weight": (16, 3072),
            "transformer.transformer_blocks.7.attn.to_q.lora_B.weight": (3072, 16),
            "transformer.single_transformer_blocks.7.attn.to_q.lora_A.weight": (16, 3072),
            "transformer.single_transformer_blocks.7.attn.to_q.lora_B.weight": (3072, 16),
        },
        "lora",
        "flux",
    ),
    "LoRA of a transformer that several have": (
        {
            "transformer.transformer_blocks.7.attn.to_q.lora_A.weight": (16, 1536),
            "transformer.transformer_blocks.7.attn.to_q.lora_B.weight": (1536, 16),
        },
        "lora",
        "unknown",
    ),
    "SD 3 LoRA with its text encoders": (
        {
            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (4, 1536),
            "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_up.weight": (4608, 4),
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 768),
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 1280),
        },
        "lora",
        "sd3",
    ),
    "SDXL UNet alone, as diffusers saves it": (
        {
            "conv_in.weight": (320, 4, 3, 3),
            "time_embedding.linear_1.weight": (1280, 320),
            "down_blocks.0.resnets.0.conv1.weight": (320, 320, 3, 3),
            f"down_blocks.1.attentions.0.transformer_blocks.0.{LDM_KEY}": (640, 2048),
        },
        "diffusion-model",
        "sdxl",
    ),
    "motion LoRA": (
        {
            "down_blocks.0.motion_modules.0.attention_blocks.0.to_q_lora.down.weight": (64, 320),
            "down_blocks.0.motion_modules.0.attention_blocks.0.to_q_lora.up.weight": (320, 64),
        },
        "lora",
        "unknown",
    ),
    "LoCon": (
        {
            f"{KOHYA}.lora_down.weight": (4, 768),
            f"{KOHYA}.lora_up.weight": (640, 4),
            "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight": (4, 320, 3, 3),
            "lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight": (320, 4, 1, 1),
        },
        "lycoris",
        "sd1",
    ),
    "LoHa": (
        {
            f"{KOHYA}.hada_w1_a": (640, 8),
            f"{KOHYA}.hada_w1_b": (8, 768),
            f"{KOHYA}.hada_w2_a": (640, 8),
            f"{KOHYA}.hada_w2_b": (8, 768),
        },
        "lycoris",
        "sd1",
    ),
    "LoKr": ({f"{KOHYA}.lokr_w1": (8, 8), f"{KOHYA}.lokr_w2": (80, 96)}, "lycoris", "unknown"),
    "embedding for SD 1": ({"emb_params": (8, 768)}, "embedding", "sd1"),
    "embedding for SD 2": ({"emb_params": (8, 1024)}, "embedding", "sd2"),
    "embedding for SDXL": ({"clip_l": (8, 768), "clip_g": (8, 1280)}, "embedding", "sdxl"),
    "embedding of diffusers": ({"<cat-toy>": (768,)}, "embedding", "sd1"),
    "VAE": ({"decoder.conv_in.weight": (512, 4, 3, 3)}, "vae", "unknown"),
    "VAE of a checkpoint": (
        {"first_stage_model.decoder.conv_in.weight": (512, 16, 3, 3)},
        "vae",
        "unknown",
    ),
    "ControlNet": (
        {
            "control_model.input_blocks.0.0.weight": (320, 4, 3, 3),
            "control_model.time_embed.0.weight": (1280, 320),
            f"control_model.input_blocks.1.1.transformer_blocks.0.{LDM_KEY}": (320, 768),
            "control_model.zero_convs.0.0.weight": (320, 320, 1, 1),
        },
        "controlnet",
        "sd1",
    ),
    "ControlNet of diffusers": (
        {
            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
            "conv_in.weight": (320, 4, 3, 3),
            f"down_blocks.1.attentions.0.transformer_blocks.0.{LDM_KEY}": (640, 2048),
        },
        "controlnet",
        "sdxl",
    ),
    "ESRGAN of old": ({"model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)}, "upscaler", "unknown"),
    "SwinIR": (
        {"layers.0.residual_group.blocks.0.attn.qkv.weight": (540, 180)},
        "upscaler",
        "unknown",
    ),
    "upscaler": ({"body.0.rdb1.conv1.weight": (32, 64, 3, 3)}, "upscaler", "unknown"),
    "motion module": (
        {"down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (320,)},
        "motion-module",
        "unknown",
    ),
    "text encoder": (
        {"text_model.encoder.layers.0.self_attn.q_proj.weight": (768, 768)},
        "text-encoder",
        "unknown",
    ),
    "averaged weights alone": (
        {
            "model_ema.diffusion_modelinput_blocks21transformer_blocks0attn2to_kweight": (640, 768),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        },
        "checkpoint",
        "sd1",
    ),
    "LoRA of a text encoder, as diffusers saved it at first": (
        {
            "text_encoder.text_model.encoder.layers.0.self_attn.k_proj.lora_linear_layer.down."
            "weight": (4, 768),
            "text_encoder.text_model.encoder.layers.0.self_attn.k_proj.lora_linear_layer.up."
            "weight": (768, 4),
        },
        "lora",
        "unknown",
    ),
    "Flux transformer of diffusers": (
        {
            "x_embedder.weight": (3072, 64),
            "time_text_embed.text_embedder.linear_1.weight": (3072, 768),
            "time_text_embed.timestep_embedder.linear_1.weight": (3072, 256),
            "transformer_blocks.0.attn.add_k_proj.weight": (3072, 3072),
            "single_transformer_blocks.0.attn.to_k.weight": (3072, 3072),
        },
        "diffusion-model",
        "flux",
    ),
    "SD 3 transformer of diffusers": (
        {
            "pos_embed.proj.weight": (1536, 16, 2, 2),
            "time_text_embed.timestep_embedder.linear_1.weight": (1536, 256),
            "transformer_blocks.0.attn.add_k_proj.weight": (1536, 1536),
        },
        "diffusion-model",
        "sd3",
    ),
    "hypernetwork": (
        {"768.0.linear.0.weight": (1536, 768), "768.1.linear.0.weight": (1536, 768)},
        "hypernetwork",
        "unknown",
    ),
    "hypernetwork of the first days": (
        {"768.0.linear1.weight": (1536, 768), "768.0.linear2.weight": (768, 1536)},
        "hypernetwork",
        "unknown",
    ),
    "something like a hypernetwork": (
        {"768.0.linear.0.weight": (1536, 768), "other.weight": (3,)},
        "unknown",
        "unknown",
    ),
    "a stand-in for a VAE": ({"taesd_decoder.1.weight": (64, 4, 3, 3)}, "vae", "unknown"),
    "ControlNet-LLLite": (
        {"lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.down.0.weight": (64, 640)},
        "controlnet",
        "unknown",
    ),
    "T5 in a GGUF file": ({"enc.blk.0.attn_q.weight": (4096, 4096)}, "text-encoder", "unknown"),
    "something else": ({"layer.weight": (3, 3)}, "unknown", "unknown"),
    "nothing": ({}, "unknown", "unknown"),
}


@pytest.mark.parametrize(("tensors", "kind", "architecture"), CASES.values(), ids=CASES)
def test_the_tensors_tell_what_it_is(tensors, kind, architecture):
    found = identify(index(tensors))

    assert (found.model_type, found.architecture) == (kind, architecture), found.reasons


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("dora_scale", "dora"),
        ("alpha", "lora"),
    ],
)
def test_a_dora_is_a_lora_with_one_part_more(part, kind):
    tensors = {
        f"{KOHYA}.lora_down.weight": (4, 768),
        f"{KOHYA}.lora_up.weight": (640, 4),
        f"{KOHYA}.{part}": (1,),
    }

    assert identify(index(tensors)).adapter == kind


def test_metadata_decides_only_where_the_tensors_do_not():
    lokr = {f"{KOHYA}.lokr_w1": (8, 8), f"{KOHYA}.lokr_w2": (80, 96)}
    lora = {f"{KOHYA}.lora_down.weight": (4, 768), f"{KOHYA}.lora_up.weight": (640, 4)}

    assert identify(index(lokr, ss_base_model_version="sdxl_base_v1-0")).architecture == "sdxl"
    assert identify(index(lora, ss_base_model_version="sdxl_base_v1-0")).architecture == "sd1"


def test_the_trainers_word_comes_before_the_standards():
    vae = {"decoder.conv_in.weight": (512, 4, 3, 3)}
    found = identify(
        index(
            vae,
            ss_base_model_version="sd_v1",
            modelspec__architecture="stable-diffusion-xl-v1-base/vae",
        )
    )

    assert found.architecture == "sd1"


def test_modelspec_may_name_a_type_behind_the_architecture():
    vae = {"decoder.conv_in.weight": (512, 4, 3, 3)}
    found = identify(index(vae, modelspec__architecture="stable-diffusion-xl-v1-base/lora"))

    assert found.architecture == "sdxl"


def test_most_of_the_painting_network_names_the_precision():
    tensors = checkpoint(768)
    tensors["first_stage_model.decoder.conv_in.weight"] = ("F32", (4096, 4096))

    assert identify(index(tensors)).precision is Precision.FP16
    assert identify(index(checkpoint(768), "BF16")).precision is Precision.BF16
    assert identify(index(checkpoint(768), "F8_E4M3")).precision is Precision.FP8
    assert identify(index(checkpoint(768), "F9_NEW")).precision is None


def test_averaged_weights_beside_the_others_make_a_checkpoint_full():
    both = checkpoint(768) | {"model_ema.diffusion_modelinput_blocks00weight": (320, 4, 3, 3)}

    assert identify(index(both)).pruning is Pruning.FULL
    assert identify(index(checkpoint(768))).pruning is Pruning.PRUNED
    assert identify(index({"emb_params": (8, 768)})).pruning is None


@pytest.mark.parametrize(
    ("channels", "inpainting"), [(4, False), (9, True), (8, False), (5, False)]
)
def test_nine_channels_read_a_mask(channels, inpainting):
    assert identify(index(checkpoint(768, channels=channels))).inpainting is inpainting


def test_flux_fill_is_inpainting():
    fill = FLUX | {"img_in.weight": (3072, 384)}

    assert identify(index(fill)).inpainting
    assert not identify(index(FLUX)).inpainting


def test_the_prediction_is_said_only_where_the_header_can_decide():
    xl = checkpoint(2048)

    assert identify(index(xl)).prediction is None
    assert identify(index(xl | {"v_pred": (0,)})).prediction == "v_prediction"
    assert identify(index(xl, modelspec__prediction_type="v")).prediction == "v_prediction"
    assert identify(index(xl, modelspec__prediction_type="epsilon")).prediction == "eps"
    assert identify(index(FLUX)).prediction == "rectified flow"


BIAS = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"


@pytest.mark.parametrize(
    ("bias", "prediction"),
    [([0.2, -0.2] * 160, "v_prediction"), ([0.05, -0.05] * 160, "eps"), ([], None)],
)
def test_the_spread_of_one_bias_tells_what_an_sd_2_predicts(bias, prediction):
    tensors = index(checkpoint(1024) | {BIAS: (320,)})

    assert telling_bias(tensors) is not None
    assert identify(tensors, bias=bias).prediction == prediction


def test_the_bias_of_other_models_tells_nothing():
    wide = [0.2, -0.2]

    assert identify(index(checkpoint(768) | {BIAS: (320,)}), bias=wide).prediction is None
    inpainting = index(checkpoint(1024, channels=9) | {BIAS: (320,)})
    assert identify(inpainting, bias=wide).prediction is None
    assert telling_bias(index(checkpoint(1024) | {BIAS: (2**40,)})) is None
    assert telling_bias(index(checkpoint(1024))) is None


@pytest.mark.parametrize(
    ("metadata", "prediction"),
    [
        ({"modelspec__prediction_type": "velocity"}, "v_prediction"),
        ({"ss_v_parameterization": "True"}, "v_prediction"),
        ({"ss_v_parameterization": "False"}, None),
        ({"ss_base_model_version": "sd_v2_v"}, "v_prediction"),
        ({"modelspec__architecture": "stable-diffusion-v2-768-v/lora"}, "v_prediction"),
        ({"modelspec__architecture": "stable-diffusion-v2-512"}, "eps"),
        ({"global_step": "220000"}, "eps"),
        ({"global_step": "110000"}, "v_prediction"),
        ({"global_step": "7"}, None),
    ],
)
def test_metadata_may_tell_what_an_sd_2_predicts(metadata, prediction):
    assert identify(index(checkpoint(1024), **metadata)).prediction == prediction


@pytest.mark.parametrize(
    ("mark", "prediction"),
    [("v_pred", "v_prediction"), ("edm_vpred.sigma_max", "v_prediction"), ("edm_mean", "edm")],
)
def test_an_empty_tensor_may_be_a_mark(mark, prediction):
    assert identify(index(checkpoint(2048) | {mark: (0,)})).prediction == prediction


def test_a_checkpoint_tells_whether_its_vae_is_inside():
    without = {n: s for n, s in checkpoint(768).items() if not n.startswith("first_stage_model.")}

    assert identify(index(checkpoint(768))).has_vae is True
    assert identify(index(without)).has_vae is False
    assert identify(index({"emb_params": (8, 768)})).has_vae is None


def test_averaged_weights_alone_make_a_checkpoint_ema_only():
    tensors, _, _ = CASES["averaged weights alone"]

    assert identify(index(tensors)).pruning is Pruning.EMA_ONLY


def test_training_state_makes_a_checkpoint_full():
    assert (
        identify(index(checkpoint(768) | {"optimizer_states.0.exp_avg": (3,)})).pruning
        is Pruning.FULL
    )


def test_what_a_gguf_file_says_of_itself_decides_where_its_tensors_do_not():
    layer = {"blk.0.attn_q.weight": (4096, 4096)}

    assert identify(index(layer, general__architecture="sdxl")).architecture == "sdxl"
    assert identify(index(layer, general__architecture="llama")).architecture == "unknown"


def test_every_conclusion_has_its_reason():
    found = identify(index(checkpoint(768, channels=9)))

    assert [reason.partition(":")[0] for reason in found.reasons] == [
        "Checkpoint",
        "Stable Diffusion 1.x",
        "fp16",
        "pruned",
        "inpainting",
        "it brings its VAE along (first_stage_model.decoder.conv_in.weight)",
    ]


def test_tensors_that_speak_for_two_architectures_are_unknown():
    both = checkpoint(768) | {UNET + name: shape for name, shape in FLUX.items()}
    found = identify(index(both))

    assert found.architecture == "unknown"
    assert any("speak for several" in reason for reason in found.reasons)


NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from([name for tensors, _, _ in CASES.values() for name in tensors]),
    st.sampled_from(sorted(shapes.checkpoint())[::40]),
)


@given(
    st.dictionaries(NAMES, st.lists(st.integers(0, 2**40), max_size=5).map(tuple), max_size=8),
    st.dictionaries(
        st.sampled_from(["ss_base_model_version", "modelspec.architecture"]), st.text(max_size=20)
    ),
)
def test_no_names_and_shapes_make_it_fail(tensors, metadata):
    infos = tuple(TensorInfo(name, "F16", shape, 0, 0) for name, shape in tensors.items())

    assert identify(TensorIndex(infos, metadata)).model_type
