"""Names and shapes of real models, in a size that fits a demonstration.

Every name is one that the original files have, in the original order; only the widths are smaller,
except where a width tells what the model is: the text that it listens to stays 768 wide.
"""

Shapes = dict[str, tuple[int, ...]]

TEXT_WIDTH = 768
_CHANNELS = 32
_MULTIPLIERS = (1, 2, 3, 3)
_ATTENDING_LEVELS = 3  # the innermost level of a UNet does not look at the text
_TIME = 4 * _CHANNELS
_VAE_CHANNELS = 16
_VAE_MULTIPLIERS = (1, 2, 4, 4)
_LATENT = 4
_CLIP_WIDTH, _CLIP_LAYERS, _CLIP_WORDS = 96, 12, 4096
_POSITIONS = 77


def checkpoint() -> Shapes:
    """A whole SD 1.5: UNet, VAE, text encoder."""
    return unet("model.diffusion_model.") | vae("first_stage_model.") | clip()


def averaged(shapes: Shapes) -> Shapes:
    """The second copy of the UNet that training keeps: the names lose their dots."""
    network = {n: s for n, s in shapes.items() if n.startswith("model.diffusion_model.")}
    return {f"model_ema.{n.removeprefix('model.').replace('.', '')}": s for n, s in network.items()}


def unet(prefix: str) -> Shapes:
    """The network that paints."""
    found = _linear("time_embed.0", _CHANNELS, _TIME) | _linear("time_embed.2", _TIME, _TIME)
    found |= _convolution("input_blocks.0.0", _LATENT, _CHANNELS, 3)
    width, skips, block = _CHANNELS, [_CHANNELS], 1
    for level, multiplier in enumerate(_MULTIPLIERS):
        for _ in range(2):
            found |= _residual(f"input_blocks.{block}.0", width, multiplier * _CHANNELS)
            width = multiplier * _CHANNELS
            if level < _ATTENDING_LEVELS:
                found |= _transformer(f"input_blocks.{block}.1", width)
            skips.append(width)
            block += 1
        if level < len(_MULTIPLIERS) - 1:
            found |= _convolution(f"input_blocks.{block}.0.op", width, width, 3)
            skips.append(width)
            block += 1
    found |= _residual("middle_block.0", width, width)
    found |= _transformer("middle_block.1", width)
    found |= _residual("middle_block.2", width, width)
    found |= _way_out(width, skips)
    return {prefix + name: shape for name, shape in found.items()}


def _way_out(width: int, skips: list[int]) -> Shapes:
    found: Shapes = {}
    block = 0
    for level, multiplier in reversed(list(enumerate(_MULTIPLIERS))):
        for turn in range(3):
            outward = multiplier * _CHANNELS
            found |= _residual(f"output_blocks.{block}.0", width + skips.pop(), outward)
            width, part = outward, 1
            if level < _ATTENDING_LEVELS:
                found |= _transformer(f"output_blocks.{block}.1", width)
                part = 2
            if level and turn == 2:  # noqa: PLR2004 - the last of three enlarges
                found |= _convolution(f"output_blocks.{block}.{part}.conv", width, width, 3)
            block += 1
    return found | _norm("out.0", width) | _convolution("out.2", width, _LATENT, 3)


def vae(prefix: str = "") -> Shapes:
    """The encoder and decoder between pictures and what the UNet paints."""
    found = _convolution("encoder.conv_in", 3, _VAE_CHANNELS, 3)
    width = _VAE_CHANNELS
    for level, multiplier in enumerate(_VAE_MULTIPLIERS):
        for turn in range(2):
            inner = multiplier * _VAE_CHANNELS
            found |= _vae_residual(f"encoder.down.{level}.block.{turn}", width, inner)
            width = inner
        if level < len(_VAE_MULTIPLIERS) - 1:
            found |= _convolution(f"encoder.down.{level}.downsample.conv", width, width, 3)
    found |= _vae_middle("encoder.mid", width) | _norm("encoder.norm_out", width)
    found |= _convolution("encoder.conv_out", width, 2 * _LATENT, 3)
    found |= _convolution("decoder.conv_in", _LATENT, width, 3) | _vae_middle("decoder.mid", width)
    for level, multiplier in reversed(list(enumerate(_VAE_MULTIPLIERS))):
        for turn in range(3):
            inner = multiplier * _VAE_CHANNELS
            found |= _vae_residual(f"decoder.up.{level}.block.{turn}", width, inner)
            width = inner
        if level:
            found |= _convolution(f"decoder.up.{level}.upsample.conv", width, width, 3)
    found |= _norm("decoder.norm_out", width) | _convolution("decoder.conv_out", width, 3, 3)
    found |= _convolution("quant_conv", 2 * _LATENT, 2 * _LATENT, 1)
    found |= _convolution("post_quant_conv", _LATENT, _LATENT, 1)
    return {prefix + name: shape for name, shape in found.items()}


def clip() -> Shapes:
    """The text encoder."""
    stem = "cond_stage_model.transformer.text_model."
    found: Shapes = {
        f"{stem}embeddings.token_embedding.weight": (_CLIP_WORDS, _CLIP_WIDTH),
        f"{stem}embeddings.position_embedding.weight": (_POSITIONS, _CLIP_WIDTH),
    }
    for number in range(_CLIP_LAYERS):
        layer = f"{stem}encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found |= _linear(f"{layer}.self_attn.{part}", _CLIP_WIDTH, _CLIP_WIDTH)
        found |= _norm(f"{layer}.layer_norm1", _CLIP_WIDTH)
        found |= _norm(f"{layer}.layer_norm2", _CLIP_WIDTH)
        found |= _linear(f"{layer}.mlp.fc1", _CLIP_WIDTH, 4 * _CLIP_WIDTH)
        found |= _linear(f"{layer}.mlp.fc2", 4 * _CLIP_WIDTH, _CLIP_WIDTH)
    return found | _norm(f"{stem}final_layer_norm", _CLIP_WIDTH)


def sdxl_lora(rank: int = 4) -> Shapes:
    """A LoRA for SDXL in kohya's names and true widths: the first two attending blocks."""
    width, text = 640, 2048
    found: Shapes = {}
    for block in (4, 5):
        for depth in range(2):
            stem = f"lora_unet_input_blocks_{block}_1_transformer_blocks_{depth}"
            for attention, listens in (("attn1", width), ("attn2", text)):
                for part in ("to_q", "to_k", "to_v", "to_out_0"):
                    reads = listens if part in {"to_k", "to_v"} else width
                    found |= _low_rank(f"{stem}_{attention}_{part}", reads, width, rank)
    for encoder, side in (("te1", 768), ("te2", 1280)):
        for layer in range(2):
            stem = f"lora_{encoder}_text_model_encoder_layers_{layer}_self_attn"
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                found |= _low_rank(f"{stem}_{part}", side, side, rank)
    return found


def embedding(vectors: int = 8) -> Shapes:
    """A textual inversion for SD 1.5."""
    return {"emb_params": (vectors, TEXT_WIDTH)}


def _residual(name: str, reads: int, writes: int) -> Shapes:
    found = _norm(f"{name}.in_layers.0", reads)
    found |= _convolution(f"{name}.in_layers.2", reads, writes, 3)
    found |= _linear(f"{name}.emb_layers.1", _TIME, writes)
    found |= _norm(f"{name}.out_layers.0", writes)
    found |= _convolution(f"{name}.out_layers.3", writes, writes, 3)
    if reads != writes:
        found |= _convolution(f"{name}.skip_connection", reads, writes, 1)
    return found


def _transformer(name: str, width: int) -> Shapes:
    found = _norm(f"{name}.norm", width) | _convolution(f"{name}.proj_in", width, width, 1)
    block = f"{name}.transformer_blocks.0"
    for attention, listens in (("attn1", width), ("attn2", TEXT_WIDTH)):
        found[f"{block}.{attention}.to_q.weight"] = (width, width)
        found[f"{block}.{attention}.to_k.weight"] = (width, listens)
        found[f"{block}.{attention}.to_v.weight"] = (width, listens)
        found |= _linear(f"{block}.{attention}.to_out.0", width, width)
    found |= _linear(f"{block}.ff.net.0.proj", width, 8 * width)
    found |= _linear(f"{block}.ff.net.2", 4 * width, width)
    for number in (1, 2, 3):
        found |= _norm(f"{block}.norm{number}", width)
    return found | _convolution(f"{name}.proj_out", width, width, 1)


def _vae_residual(name: str, reads: int, writes: int) -> Shapes:
    found = _norm(f"{name}.norm1", reads) | _convolution(f"{name}.conv1", reads, writes, 3)
    found |= _norm(f"{name}.norm2", writes) | _convolution(f"{name}.conv2", writes, writes, 3)
    if reads != writes:
        found |= _convolution(f"{name}.nin_shortcut", reads, writes, 1)
    return found


def _vae_middle(name: str, width: int) -> Shapes:
    found = _vae_residual(f"{name}.block_1", width, width) | _norm(f"{name}.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        found |= _convolution(f"{name}.attn_1.{part}", width, width, 1)
    return found | _vae_residual(f"{name}.block_2", width, width)


def _low_rank(name: str, reads: int, writes: int, rank: int) -> Shapes:
    return {
        f"{name}.lora_down.weight": (rank, reads),
        f"{name}.lora_up.weight": (writes, rank),
        f"{name}.alpha": (),
    }


def _linear(name: str, reads: int, writes: int) -> Shapes:
    return {f"{name}.weight": (writes, reads), f"{name}.bias": (writes,)}


def _convolution(name: str, reads: int, writes: int, side: int) -> Shapes:
    return {f"{name}.weight": (writes, reads, side, side), f"{name}.bias": (writes,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
