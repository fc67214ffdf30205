"""Which tensors a whole Stable Diffusion has, under which names, and with which shapes. Pure.

The names are those of the original single files: CompVis' and Stability's modules, which A1111 and
ComfyUI read (`ldm/modules/diffusionmodules/openaimodel.py`, `.../model.py`, the configs of v1, v2
and XL). What a file of that family must hold follows from a few numbers, so that small models of
the same build are understood as well as those in full size.
"""

from registry.smoke.build import OPEN_CLIP, UNET, VAE, Build, TextEncoder

Shape = tuple[int, ...]
Shapes = dict[str, Shape]


def unet(build: Build, prefix: str = UNET) -> Shapes:
    """Names and shapes of the network that paints."""
    out = _Names(prefix)
    wide = build.channels * 4
    out.linear("time_embed.0", build.channels, wide)
    out.linear("time_embed.2", wide, wide)
    if build.extra:
        out.linear("label_emb.0.0", build.extra, wide)
        out.linear("label_emb.0.2", wide, wide)
    out.conv("input_blocks.0.0", build.reads, build.channels, 3)
    now, number, heights = build.channels, 1, [build.channels]
    for level, (multiple, depth) in enumerate(build.levels):
        for _ in range(build.residuals):
            out.residual(f"input_blocks.{number}.0", now, multiple * build.channels, wide)
            now = multiple * build.channels
            if depth:
                out.transformer(f"input_blocks.{number}.1", now, depth, build)
            heights.append(now)
            number += 1
        if level + 1 < len(build.levels):
            out.conv(f"input_blocks.{number}.0.op", now, now, 3)
            heights.append(now)
            number += 1
    out.residual("middle_block.0", now, now, wide)
    out.transformer("middle_block.1", now, build.middle_depth, build)
    out.residual("middle_block.2", now, now, wide)
    number = 0
    for level, (multiple, depth) in reversed(list(enumerate(build.levels))):
        for block in range(build.residuals + 1):
            block_in = now + heights.pop()
            now = multiple * build.channels
            out.residual(f"output_blocks.{number}.0", block_in, now, wide)
            if depth:
                out.transformer(f"output_blocks.{number}.1", now, depth, build)
            if level and block == build.residuals:
                out.conv(f"output_blocks.{number}.{2 if depth else 1}.conv", now, now, 3)
            number += 1
    out.norm("out.0", now)
    out.conv("out.2", now, 4, 3)
    return out.shapes


def vae(channels: tuple[int, ...], prefix: str = VAE, latent: int = 4) -> Shapes:
    """Names and shapes of a VAE with these channels on its levels."""
    out = _Names(prefix)
    out.conv("encoder.conv_in", 3, channels[0], 3)
    now = channels[0]
    for level, wide in enumerate(channels):
        for block in range(2):
            out.vae_block(f"encoder.down.{level}.block.{block}", now, wide)
            now = wide
        if level + 1 < len(channels):
            out.conv(f"encoder.down.{level}.downsample.conv", now, now, 3)
    out.vae_middle("encoder.mid", now)
    out.norm("encoder.norm_out", now)
    out.conv("encoder.conv_out", now, 2 * latent, 3)
    out.conv("decoder.conv_in", latent, now, 3)
    out.vae_middle("decoder.mid", now)
    for level, wide in reversed(list(enumerate(channels))):
        for block in range(3):
            out.vae_block(f"decoder.up.{level}.block.{block}", now, wide)
            now = wide
        if level:
            out.conv(f"decoder.up.{level}.upsample.conv", now, now, 3)
    out.norm("decoder.norm_out", now)
    out.conv("decoder.conv_out", now, 3, 3)
    out.conv("quant_conv", 2 * latent, 2 * latent, 1)
    out.conv("post_quant_conv", latent, latent, 1)
    return out.shapes


def text_encoder(text: TextEncoder) -> Shapes:
    """Names and shapes of a text encoder."""
    out, wide = _Names(text.prefix), text.width
    if text.is_open_clip:
        out.shapes[f"{text.prefix}positional_embedding"] = (77, wide)
        out.shapes[f"{text.prefix}token_embedding.weight"] = (text.words, wide)
        for layer in range(text.layers):
            at = f"transformer.resblocks.{layer}"
            out.shapes[f"{text.prefix}{at}.attn.in_proj_weight"] = (3 * wide, wide)
            out.shapes[f"{text.prefix}{at}.attn.in_proj_bias"] = (3 * wide,)
            out.linear(f"{at}.attn.out_proj", wide, wide)
            out.norm(f"{at}.ln_1", wide)
            out.norm(f"{at}.ln_2", wide)
            out.linear(f"{at}.mlp.c_fc", wide, 4 * wide)
            out.linear(f"{at}.mlp.c_proj", 4 * wide, wide)
        out.norm("ln_final", wide)
        if text.prefix != OPEN_CLIP[0]:  # SD2 never uses its projection
            out.shapes[f"{text.prefix}text_projection"] = (wide, wide)
        return out.shapes
    embeddings = f"{text.prefix}text_model.embeddings"
    out.shapes[f"{embeddings}.token_embedding.weight"] = (text.words, wide)
    out.shapes[f"{embeddings}.position_embedding.weight"] = (77, wide)
    for layer in range(text.layers):
        at = f"text_model.encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            out.linear(f"{at}.self_attn.{part}", wide, wide)
        out.norm(f"{at}.layer_norm1", wide)
        out.norm(f"{at}.layer_norm2", wide)
        out.linear(f"{at}.mlp.fc1", wide, 4 * wide)
        out.linear(f"{at}.mlp.fc2", 4 * wide, wide)
    out.norm("text_model.final_layer_norm", wide)
    return out.shapes


def checkpoint(build: Build) -> Shapes:
    """Everything that a checkpoint of this build must hold."""
    shapes = unet(build)
    if build.vae:
        shapes |= vae(build.vae)
    for text in build.text:
        shapes |= text_encoder(text)
    return shapes


class _Names:
    """Collects names and shapes under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.shapes: Shapes = {}
        self._prefix = prefix

    def linear(self, name: str, reads: int, gives: int, *, bias: bool = True) -> None:
        self.shapes[f"{self._prefix}{name}.weight"] = (gives, reads)
        if bias:
            self.shapes[f"{self._prefix}{name}.bias"] = (gives,)

    def conv(self, name: str, reads: int, gives: int, side: int) -> None:
        self.shapes[f"{self._prefix}{name}.weight"] = (gives, reads, side, side)
        self.shapes[f"{self._prefix}{name}.bias"] = (gives,)

    def norm(self, name: str, count: int) -> None:
        self.shapes[f"{self._prefix}{name}.weight"] = (count,)
        self.shapes[f"{self._prefix}{name}.bias"] = (count,)

    def residual(self, name: str, reads: int, gives: int, wide: int) -> None:
        self.norm(f"{name}.in_layers.0", reads)
        self.conv(f"{name}.in_layers.2", reads, gives, 3)
        self.linear(f"{name}.emb_layers.1", wide, gives)
        self.norm(f"{name}.out_layers.0", gives)
        self.conv(f"{name}.out_layers.3", gives, gives, 3)
        if reads != gives:
            self.conv(f"{name}.skip_connection", reads, gives, 1)

    def transformer(self, name: str, wide: int, depth: int, build: Build) -> None:
        self.norm(f"{name}.norm", wide)
        self._project(f"{name}.proj_in", wide, linear=build.linear)
        for number in range(depth):
            block = f"{name}.transformer_blocks.{number}"
            for attention, told in (("attn1", wide), ("attn2", build.context)):
                self.linear(f"{block}.{attention}.to_q", wide, wide, bias=False)
                self.linear(f"{block}.{attention}.to_k", told, wide, bias=False)
                self.linear(f"{block}.{attention}.to_v", told, wide, bias=False)
                self.linear(f"{block}.{attention}.to_out.0", wide, wide)
            self.linear(f"{block}.ff.net.0.proj", wide, 8 * wide)
            self.linear(f"{block}.ff.net.2", 4 * wide, wide)
            for norm in ("norm1", "norm2", "norm3"):
                self.norm(f"{block}.{norm}", wide)
        self._project(f"{name}.proj_out", wide, linear=build.linear)

    def _project(self, name: str, wide: int, *, linear: bool) -> None:
        if linear:
            self.linear(name, wide, wide)
        else:
            self.conv(name, wide, wide, 1)

    def vae_block(self, name: str, reads: int, gives: int) -> None:
        self.norm(f"{name}.norm1", reads)
        self.conv(f"{name}.conv1", reads, gives, 3)
        self.norm(f"{name}.norm2", gives)
        self.conv(f"{name}.conv2", gives, gives, 3)
        if reads != gives:
            self.conv(f"{name}.nin_shortcut", reads, gives, 1)

    def vae_middle(self, name: str, wide: int) -> None:
        self.vae_block(f"{name}.block_1", wide, wide)
        self.norm(f"{name}.attn_1.norm", wide)
        for part in ("q", "k", "v", "proj_out"):
            self.conv(f"{name}.attn_1.{part}", wide, wide, 1)
        self.vae_block(f"{name}.block_2", wide, wide)
