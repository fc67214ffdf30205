"""What the names and shapes of a file's tensors give away.

The measures are those that InvokeAI, ComfyUI and SD.Next take from the same files; each names the
tensor that it looked at, so that a conclusion can be explained.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from registry.domain.tensors import TensorIndex

# A checkpoint, a ControlNet and an exported UNet wrap the same network in different prefixes.
_WRAPPERS = ("model.diffusion_model.", "diffusion_model.", "net.", "control_model.")
_ADAPTER = re.compile(
    r"[._:](?P<word>lora_down|lora_up|lora_mid|lora_A|lora_B|lora\.down|lora\.up"
    r"|hada_w[12]_[ab]|lokr_w[12](?:_[ab])?|dora_scale|magnitude_vector|lora_magnitude_vector"
    r"|lora_linear_layer\.down|lora_linear_layer\.up"
    r"|oft_blocks|oft_diag|on_input|diff|diff_b|a1|a2|b1|b2"
    r"|(?<=:)down|(?<=:)up)(?:\.weight|\.default\.weight)?$"
)
# The part of an adapter that its input enters: (rank, in).
_INPUT_SIDE = frozenset(
    {"lora_down", "lora_A", "lora.down", "lora_linear_layer.down", "down", "hada_w1_b", "diff"}
)
# The key of the attention to the text as LDM, diffusers and kohya spell it.
_TEXT_KEY = re.compile(r"attn2[._](?:processor[._])?to_k(?:_lora)?[._]")
# Averaged weights have lost the dots of their names.
_AVERAGED_KEY = re.compile(r"^model_ema\.diffusion_model.*attn2to_kweight$")
_CLIP_INPUT = re.compile(r"^lora_te_.*(?:q_proj|k_proj|fc1)\.")
_NUMBERED_UNET = re.compile(r"^unet:\d+:down$")
# In a UNet a number stands before: attentions.0.transformer_blocks.2. The blocks of SD 3 and Flux
# stand alone.
_LATER_BLOCK = re.compile(r"\d[._]transformer_blocks[._](?:[2-9]|[1-9]\d)[._]")
_TEXT_WIDTHS = frozenset({768, 1024, 2048})
_MATRIX, _IMAGE_KERNEL = 2, 4


Say = Callable[[str], None]
"""Takes the reason for a conclusion, in a sentence."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number and the tensor that shows it."""

    value: int
    tensor: str


@dataclass(frozen=True)
class Evidence:
    """The tensors of one file, prepared for questions."""

    index: TensorIndex

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape, as they stand in the file."""
        return self.index.shapes()

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts that came with the tensors."""
        return self.index.metadata

    @cached_property
    def bare(self) -> dict[str, tuple[int, ...]]:
        """Name of a network's tensor, without what a file wraps around it, to its shape."""
        found: dict[str, tuple[int, ...]] = {}
        for name, shape in self.shapes.items():
            wrapper = next((w for w in _WRAPPERS if name.startswith(w)), "")
            found.setdefault(name[len(wrapper) :], shape)
        return found

    @cached_property
    def adapters(self) -> Mapping[str, str]:
        """Which parts of changes to a network there are: ``lora_down``, … to the first tensor."""
        found: dict[str, str] = {}
        for name in self.shapes:
            if hit := _ADAPTER.search(name):
                found.setdefault(hit["word"], name)
        return found

    @cached_property
    def text_width(self) -> Measure | None:
        """How wide the text is that the network listens to: 768, 1024, 1280 or 2048.

        Read off the attention to the text of a UNet, a ControlNet, or a change to one of them.
        """
        return next(self._text_widths(), None)

    @cached_property
    def embedded_width(self) -> Measure | None:
        """How wide the vectors of a textual inversion are; of two encoders the wider."""
        if not self.only_vectors:
            return None
        widths = [(shape[-1], name) for name, shape in self.shapes.items() if shape]
        return Measure(*max(widths)) if widths else None

    @cached_property
    def only_vectors(self) -> bool:
        """Whether the file is nothing but a few vectors that stand for words."""
        known = {"emb_params", "clip_g", "clip_l", "*"}
        learned = all(
            name in known or name.startswith("string_to_param") or re.fullmatch(r"<.+>", name)
            for name in self.shapes
        )
        flat = all(len(shape) in {1, _MATRIX} for shape in self.shapes.values())
        return bool(self.shapes) and learned and flat

    @cached_property
    def latent_channels(self) -> Measure | None:
        """How many channels a VAE's latent image has: 4 for SD and SDXL, 16 for SD3 and Flux."""
        for prefix in ("", "first_stage_model.", "vae."):
            name = f"{prefix}decoder.conv_in.weight"
            shape = self.shapes.get(name, ())
            if len(shape) == _IMAGE_KERNEL:
                return Measure(shape[1], name)
        return None

    @cached_property
    def input_channels(self) -> Measure | None:
        """How many channels the network reads: 4 normally, 9 for inpainting, 8 or 5 for edits."""
        for name in ("input_blocks.0.0.weight", "conv_in.weight"):
            shape = self.bare.get(name, ())
            if len(shape) == _IMAGE_KERNEL:
                return Measure(shape[1], name)
        return None

    @cached_property
    def later_block(self) -> str | None:
        """A third transformer block in one place of a UNet: only SDXL is that deep."""
        return next((name for name in self.shapes if _LATER_BLOCK.search(name)), None)

    def any_with(self, *parts: str) -> str | None:
        """The first name that contains one of `parts`."""
        return next((name for name in self.shapes if any(part in name for part in parts)), None)

    def any_starting(self, *prefixes: str) -> str | None:
        """The first name that starts with one of `prefixes`."""
        return next((name for name in self.shapes if name.startswith(prefixes)), None)

    def _text_widths(self) -> Iterator[Measure]:
        matrices = {name: s for name, s in self.shapes.items() if len(s) >= _MATRIX}
        for name, shape in matrices.items():
            if _AVERAGED_KEY.search(name):
                yield Measure(shape[1], name)
            elif _TEXT_KEY.search(name):
                hit = _ADAPTER.search(name)
                if hit is None or hit["word"] in _INPUT_SIDE:
                    yield Measure(shape[1], name)
        # A LoRA of the text encoder alone: what enters the encoder's layers is as wide as the text.
        for name, shape in matrices.items():
            if _CLIP_INPUT.search(name) and ".lora_down." in name:
                yield Measure(shape[1], name)
        # The first LoRA program numbered its layers. A UNet is 320, 640, 1280 … wide inside, so
        # another width can only be the text's.
        for name, shape in matrices.items():
            if _NUMBERED_UNET.search(name) and shape[1] in _TEXT_WIDTHS:
                yield Measure(shape[1], name)
