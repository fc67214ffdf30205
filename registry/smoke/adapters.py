"""Put LoRAs and their relatives into a checkpoint: for each key the module that it means.

Every kind comes down to a change of a weight, computed here as its authors define it: LoRA (Hu et
al. 2021), LoHa and LoKr (LyCORIS, Yeh et al. 2023), (IA)³ (Liu et al. 2022), and plain differences.
So one piece of code serves them all, and it knows exactly which keys meet no module.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from registry.smoke.build import Build
from registry.smoke.memory import ran_out

Parts = Mapping[str, torch.Tensor]

_SPLIT = re.compile(
    r"\.(?=(?:lora_|lora\.|hada_|lokr_|oft_|[ab][12]\."
    r"|alpha$|dora_scale$|diff$|diff_b$|on_input$|weight$|w_norm$|b_norm$))"
)
# The lengths that DoRA (Liu et al. 2024) gives to the changed weights, as kohya and PEFT call them.
_LENGTHS = frozenset({"dora_scale", "lora_magnitude_vector", "lora_magnitude_vector.weight"})


@dataclass(slots=True)
class Fit:
    """How an adapter fits a checkpoint.

    Attributes:
        deltas: The changed weight's module, and what is added to it.
        unknown: Names that meet no module.
        bent: Names whose module has another shape.
        unread: Names of a kind that is not understood here.
    """

    deltas: list[tuple[Any, torch.Tensor]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    bent: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def fit(tensors: Parts, modules: Mapping[str, Any]) -> Fit:
    """Find the module of every key and compute what is added to its weight.

    Args:
        tensors: The adapter's tensors.
        modules: The checkpoint's modules, by every name that an adapter may have for them.
    """
    grouped: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for key, tensor in tensors.items():
        name, *rest = _SPLIT.split(key, maxsplit=1)
        grouped[name][rest[0] if rest else ""] = tensor.float()
    found = Fit()
    for name, parts in grouped.items():
        module = modules.get(_plain(name))
        if module is None:
            found.unknown.append(name)
            continue
        weight = module.weight
        try:
            delta = _delta(parts, weight.detach().float().cpu())
        except RuntimeError as error:  # torch says so when shapes do not go together
            if ran_out(error):
                raise
            found.bent.append(name)
            continue
        if delta is None:
            found.unread.append(name)
        elif delta.numel() != weight.numel():
            found.bent.append(name)
        else:
            found.deltas.append((module, delta.reshape(weight.shape)))
    return found


def apply(found: Fit) -> None:
    """Change the weights."""
    with torch.no_grad():
        for module, delta in found.deltas:
            weight = module.weight
            weight.copy_((weight.float().cpu() + delta).to(weight.dtype))


def module_names(unet: Any, text: list[tuple[str, Any]], build: Build) -> dict[str, Any]:
    """Every module with a weight, under each name that kohya, diffusers and PEFT have for it."""
    names: dict[str, Any] = {}
    for path, module in unet.named_modules():
        if getattr(module, "weight", None) is not None:
            names[f"unet.{path}"] = module
            names[f"lora_unet_{path.replace('.', '_')}"] = module
            if (old := _ldm_name(path, build)) is not None:
                names[f"lora_unet_{old}"] = module
    for name, part in text:
        second = name == "text_encoder_2"
        ways = ["lora_te2_"] if second else ["lora_te_", "lora_te1_"]
        for path, module in part.named_modules():
            if getattr(module, "weight", None) is not None:
                inner = path.removeprefix("text_model.")
                names[f"{name}.text_model.{inner}"] = names[f"{name}.{inner}"] = module
                for way in ways:
                    names[f"{way}text_model_{inner.replace('.', '_')}"] = module
    return names


_STEPS = {
    "norm1": "in_layers_0",
    "conv1": "in_layers_2",
    "time_emb_proj": "emb_layers_1",
    "norm2": "out_layers_0",
    "conv2": "out_layers_3",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "conv_in": "input_blocks_0_0",
    "conv_norm_out": "out_0",
    "conv_out": "out_2",
    "time_embedding.linear_1": "time_embed_0",
    "time_embedding.linear_2": "time_embed_2",
    "add_embedding.linear_1": "label_emb_0_0",
    "add_embedding.linear_2": "label_emb_0_2",
}


def _ldm_name(path: str, build: Build) -> str | None:
    """The module's name in the original files, with underscores: SDXL's LoRAs have it."""
    if path in _ENDS:
        return _ENDS[path]
    stride = build.residuals + 1
    side, _, rest = path.partition(".")
    if side == "mid_block":
        kind, number, *tail = rest.split(".")
        block = f"middle_block_{1 if kind == 'attentions' else 2 * int(number)}"
    elif side in {"down_blocks", "up_blocks"}:
        level, kind, number, *tail = rest.split(".")
        at = int(level) * stride
        if kind == "downsamplers":
            return f"input_blocks_{at + stride}_0_op"
        if kind == "upsamplers":
            depth = build.levels[len(build.levels) - 1 - int(level)][1]
            return f"output_blocks_{at + stride - 1}_{2 if depth else 1}_conv"
        begin = f"input_blocks_{at + 1 + int(number)}"
        if side == "up_blocks":
            begin = f"output_blocks_{at + int(number)}"
        block = f"{begin}_{1 if kind == 'attentions' else 0}"
    else:
        return None
    inner = ".".join(tail)
    return f"{block}_{_STEPS.get(inner, inner).replace('.', '_')}" if inner else None


def _plain(name: str) -> str:
    return name.removeprefix("base_model.model.").replace("unet.unet.", "unet.")


def _delta(parts: Parts, weight: torch.Tensor) -> torch.Tensor | None:
    """What these parts add to the weight; None for a kind that is not understood."""
    if not _LENGTHS.isdisjoint(parts):
        return None  # the rest of it, alone, is another change
    for reader in (_lora, _loha, _lokr, _ia3, _difference):
        delta = reader(parts, weight)
        if delta is not None:
            return delta
    return None


def _scale(parts: Parts, rank: int) -> float:
    return float(parts["alpha"]) / rank if "alpha" in parts else 1.0


def _lora(parts: Parts, _: torch.Tensor) -> torch.Tensor | None:
    ways = (("lora_down", "lora_up"), ("lora_A", "lora_B"), ("lora.down", "lora.up"))
    for low, high in ways:
        down, up = parts.get(f"{low}.weight"), parts.get(f"{high}.weight")
        if down is None or up is None:
            continue
        scale = _scale(parts, down.shape[0])
        middle = parts.get("lora_mid.weight")
        if middle is not None:  # LoCon: down and up are 1 × 1, the kernel lies between
            made = torch.einsum("or,rihw->oihw", up.flatten(1), _through(middle, down))
        else:
            made = (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])
        return made * scale
    return None


def _through(middle: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    return torch.einsum("rshw,si->rihw", middle, down.flatten(1))


def _loha(parts: Parts, _: torch.Tensor) -> torch.Tensor | None:
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    if not all(name in parts for name in names) or "hada_t1" in parts:
        return None
    a, b, c, d = (parts[name] for name in names)
    return (a @ b) * (c @ d) * _scale(parts, b.shape[0])


def _lokr(parts: Parts, _: torch.Tensor) -> torch.Tensor | None:
    sides, rank = [], None
    for side in ("lokr_w1", "lokr_w2"):
        if side in parts:
            sides.append(parts[side])
        elif f"{side}_a" in parts and f"{side}_b" in parts and "lokr_t2" not in parts:
            first, second = parts[f"{side}_a"], parts[f"{side}_b"]
            rank = second.shape[0]
            sides.append((first @ second.flatten(1)).reshape(first.shape[0], *second.shape[1:]))
        else:
            return None
    one, two = sides
    one = one.reshape(*one.shape, *[1] * (two.dim() - one.dim()))
    return torch.kron(one, two) * (_scale(parts, rank) if rank is not None else 1.0)


def _ia3(parts: Parts, weight: torch.Tensor) -> torch.Tensor | None:
    if "on_input" not in parts or "weight" not in parts:
        return None
    factor = parts["weight"].flatten()
    shape = [1] * weight.dim()
    shape[1 if bool(parts["on_input"]) else 0] = -1
    return weight * factor.reshape(shape)


def _difference(parts: Parts, _: torch.Tensor) -> torch.Tensor | None:
    return next((parts[name] for name in ("diff", "w_norm") if name in parts), None)


def pieces(tensors: Parts) -> Iterator[torch.Tensor]:
    """The vectors of an embedding, whatever they are called."""
    for tensor in tensors.values():
        if tensor.is_floating_point() and tensor.dim() == 2:  # noqa: PLR2004 -- vectors, one a row
            yield tensor
