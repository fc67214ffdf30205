"""Names and shapes of real models, in a size that fits a demonstration.

Every name is one that the original files have, in the original order; only the widths are smaller,
except where a width tells what the model is: the text that it listens to stays 768 wide.
"""

from registry.smoke import layout
from registry.smoke.build import CLIP_L, Build, TextEncoder

Shapes = layout.Shapes

TEXT_WIDTH = 768
_SMALL = Build(
    channels=32,
    levels=((1, 1), (2, 1), (3, 1), (3, 0)),
    middle_depth=1,
    context=TEXT_WIDTH,
    vae=(16, 32, 64, 64),
    text=(TextEncoder(CLIP_L[0], width=96, layers=12, words=4096),),
)


def checkpoint() -> Shapes:
    """A whole SD 1.5: UNet, VAE, text encoder."""
    return layout.checkpoint(_SMALL)


def vae() -> Shapes:
    """The encoder and decoder between pictures and what the UNet paints."""
    return layout.vae(_SMALL.vae, prefix="")


def averaged(shapes: Shapes) -> Shapes:
    """The second copy of the UNet that training keeps: the names lose their dots."""
    network = {n: s for n, s in shapes.items() if n.startswith("model.diffusion_model.")}
    return {f"model_ema.{n.removeprefix('model.').replace('.', '')}": s for n, s in network.items()}


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


def _low_rank(name: str, reads: int, writes: int, rank: int) -> Shapes:
    return {
        f"{name}.lora_down.weight": (rank, reads),
        f"{name}.lora_up.weight": (writes, rank),
        f"{name}.alpha": (),
    }
