"""Static checks: what the weights themselves show, without torch and without running anything.

The file is read once, in stretches; a tensor is judged by the bits of its numbers. The largest of
them tells at once whether there is a NaN, an infinity, or nothing but zeros.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from registry.domain.smoke import Reason
from registry.domain.tensors import TensorIndex, TensorInfo
from registry.formats.float_bits import FLOATS, stretches
from registry.formats.readable import Readable
from registry.smoke import layout
from registry.smoke.build import CLIP_L, OPEN_CLIP, UNET, VAE
from registry.smoke.recognise import build_of, vae_of

_ABSURD = 1e5
_NAMED = 3
# Its bits; the other dtypes end before numbers get absurd.
_ABSURD_BITS: Mapping[str, int] = {
    "F64": int(np.float64(_ABSURD).view(np.uint64)),
    "F32": int(np.float32(_ABSURD).view(np.uint32)),
    "BF16": int(np.float32(_ABSURD).view(np.uint32)) >> 16,
}
_MATRIX = 2
_WHOLE_TYPES = frozenset({"checkpoint", "diffusion_model", "vae", "controlnet", "upscaler"})
# What a training begins with as zeros: while all of it is, the adapter changes nothing.
_UP = (
    ".lora_up.weight",
    ".lora_B.weight",
    ".lora.up.weight",
    ".hada_w2_a",
    ".lokr_w2",
    ".lokr_w2_b",
    ".diff",
    ".diff_b",
    ".w_norm",
    ".b_norm",
)


@dataclass(frozen=True, slots=True)
class Bits:
    """What the bits of one tensor's numbers show."""

    largest: int
    lowest: int
    highest: int

    @property
    def is_zero(self) -> bool:
        """Whether every number is 0."""
        return self.largest == 0

    @property
    def is_constant(self) -> bool:
        """Whether every number is the same."""
        return self.lowest == self.highest


def check_weights(
    source: Readable,
    index: TensorIndex,
    model_type: str,
    heard: Callable[[int], object] = lambda _: None,
) -> tuple[Reason, ...]:
    """Read every tensor and name what is wrong with it.

    Args:
        source: The file.
        index: Its tensors.
        model_type: Slug; of adapters, single tensors may be zero.
        heard: Told of every stretch of bytes that was read.
    """
    wrong: dict[str, list[str]] = {"nan": [], "absurd": [], "zero": [], "constant": []}
    ups: Counter[bool] = Counter()
    whole = model_type in _WHOLE_TYPES
    for tensor in sorted(index.tensors, key=lambda each: each.begin):
        if tensor.dtype not in FLOATS or tensor.begin == tensor.end:
            continue
        bits = _read(source, tensor, heard)
        exponent = FLOATS[tensor.dtype].exponent
        if bits.largest >= exponent:
            wrong["nan"].append(tensor.name)
        elif bits.largest > _ABSURD_BITS.get(tensor.dtype, exponent):
            wrong["absurd"].append(tensor.name)
        elif len(tensor.shape) >= _MATRIX and whole:
            if bits.is_zero:
                wrong["zero"].append(tensor.name)
            elif bits.is_constant:
                wrong["constant"].append(tensor.name)
        if tensor.name.endswith(_UP):
            ups[bits.is_zero] += 1
    reasons = [
        Reason(code, f"{words} {_places(names)}") for code, words, names in _told(wrong) if names
    ]
    if ups and not ups[False]:
        reasons.append(Reason("no-effect", "every product of it is zero: it was never trained"))
    return tuple(reasons)


def check_keys(index: TensorIndex, model_type: str) -> tuple[Reason, ...]:
    """Name the parts that a checkpoint or a VAE of its build must have and has not."""
    shapes = {tensor.name: tensor.shape for tensor in index.tensors}
    needed = _needed(shapes, model_type)
    missing = [name for name in needed if name not in shapes and _old_name(name) not in shapes]
    bent = [
        name for name, shape in needed.items() if name in shapes and not _fits(shapes[name], shape)
    ]
    reasons = []
    if missing:
        blocks = Counter(_block(name) for name in missing)
        words = ", ".join(f"{block} ({count})" for block, count in blocks.most_common(_NAMED))
        more = f" and {len(blocks) - _NAMED} more blocks" if len(blocks) > _NAMED else ""
        message = f"{len(missing)} of {len(needed)} tensors are missing: {words}{more}"
        reasons.append(Reason("missing-tensors", message))
    if bent:
        name = bent[0]
        message = (
            f"{len(bent)} tensors have another shape than their network needs: {name} has "
            f"{_shape(shapes[name])}, and must have {_shape(needed[name])}"
        )
        reasons.append(Reason("wrong-shapes", message))
    return tuple(reasons)


def _needed(shapes: Mapping[str, tuple[int, ...]], model_type: str) -> layout.Shapes:
    if model_type == "checkpoint":
        build = build_of(shapes)
        return layout.checkpoint(build) if build is not None else {}
    if model_type == "vae":
        vae = vae_of(shapes)
        return layout.vae(vae.levels, vae.prefix, vae.latent) if vae.levels else {}
    return {}


def _old_name(name: str) -> str:
    # The first files of SD 1 have no `text_model.` in the names of their text encoder.
    return name.replace(".text_model.", ".", 1)


def _fits(found: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    """Attention of VAEs is kept as a matrix or as a convolution of 1 × 1, which is the same."""
    return found == needed or (
        tuple(n for n in found if n != 1) == tuple(n for n in needed if n != 1)
    )


def _block(name: str) -> str:
    for prefix, words in _PARTS:
        if name.startswith(prefix):
            rest = name.removeprefix(prefix).split(".")
            count = 2 if rest[0] in {"input_blocks", "output_blocks", "decoder", "encoder"} else 1
            return f"{words} {'.'.join(rest[:count])}"
    return name.rpartition(".")[0]


_PARTS = (
    (UNET, "UNet"),
    (VAE, "VAE"),
    *((prefix, "text encoder") for prefix in (*CLIP_L, *OPEN_CLIP)),
)


def _told(wrong: Mapping[str, list[str]]) -> Iterator[tuple[str, str, list[str]]]:
    nans: dict[str, list[str]] = {"unet": [], "vae": [], "": []}
    for name in wrong["nan"]:
        part = "unet" if UNET in name else "vae" if name.startswith(VAE) else ""
        nans[part].append(name)
    words = "nothing but black can come of it: infinities, or values that are no numbers, in"
    for part, names in nans.items():
        yield "-".join(filter(None, ("nan-weights", part))), words, names
    yield "absurd-weights", f"there are values beyond ±{_ABSURD:,.0f} in", wrong["absurd"]
    yield "zero-weights", "there is nothing but zeros in", wrong["zero"]
    yield "constant-weights", "there is one value everywhere in", wrong["constant"]


def _places(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


def _read(source: Readable, tensor: TensorInfo, heard: Callable[[int], object]) -> Bits:
    sign = FLOATS[tensor.dtype].sign
    largest, lowest, highest = 0, -1, 0
    for values in stretches(source, tensor):
        low, high = int(values.min()), int(values.max())
        if high < sign:  # all positive
            largest = max(largest, high)
        else:
            largest = max(largest, int((values & (sign - 1)).max()))
        lowest = low if lowest < 0 else min(lowest, low)
        highest = max(highest, high)
        heard(values.nbytes)
    return Bits(largest, lowest, highest)
