"""What steers a checkpoint from outside: hypernetworks and ControlNets."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import safe_open
from torch import nn

from registry.smoke.painter import Painter
from registry.smoke.sample import made_up

# The first hypernetworks call their layers `linear1` and `linear2`.
_WEIGHT = re.compile(r"(\d+)\.([01])\.linear(\.\d+|[12])\.(weight|bias)")
# The names that A1111's `hypernetwork.py` has for what lies between the layers.
_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda x: x,
    "relu": nn.functional.relu,
    "leakyrelu": nn.functional.leaky_relu,
    "elu": nn.functional.elu,
    "swish": nn.functional.hardswish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
_MATRIX = 2
_HINT_CHANNELS = (16, 32, 96, 256)


class Hypernetwork:
    """Small networks in front of what attention reads: one for keys, one for values.

    Args:
        path: A safetensors file with the keys of A1111's `.pt`, joined by dots.
    """

    def __init__(self, path: Path) -> None:
        layers: dict[tuple[int, int], dict[int, dict[str, torch.Tensor]]] = defaultdict(dict)
        with safe_open(str(path), "pt") as file:
            words = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 -- not a mapping
                if (found := _WEIGHT.fullmatch(name)) is not None:
                    width, side, number, part = found.groups()
                    layer = layers[int(width), int(side)].setdefault(int(number.strip(".")), {})
                    layer[part] = file.get_tensor(name).float()
        self._layers = {key: [each[n] for n in sorted(each)] for key, each in layers.items()}
        self.activation = _plain(words.get("activation_func", "linear"))
        # Files from before there was a choice do not say; their output is activated.
        self._activates_output = _plain(words.get("activate_output", "true")) == "true"

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of what it may be put in front of."""
        return tuple(sorted({width for width, _ in self._layers}))

    def attach(self, unet: Any) -> int:
        """Put it in front of every attention that fits; how many those are."""
        count = 0
        for name, module in unet.named_modules():
            side = {"to_k": 0, "to_v": 1}.get(name.rpartition(".")[2])
            if side is None:
                continue
            layers = self._layers.get((module.in_features, side))
            if layers is not None:
                module.register_forward_pre_hook(self._before(layers))
                count += 1
        return count

    def _before(
        self, layers: list[dict[str, torch.Tensor]]
    ) -> Callable[[Any, tuple[torch.Tensor, ...]], tuple[torch.Tensor, ...]]:
        act = _ACTIVATIONS[self.activation]
        matrices = [n for n, layer in enumerate(layers) if layer["weight"].dim() == _MATRIX]
        plain = [] if self._activates_output else matrices[-1:]

        def change(_: Any, reads: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            x = reads[0]
            made = x.float()
            for number, layer in enumerate(layers):
                weight, bias = (each.to(made.device) for each in (layer["weight"], layer["bias"]))
                if weight.dim() == _MATRIX:
                    made = nn.functional.linear(made, weight, bias)
                    made = made if number in plain else act(made)
                else:
                    made = nn.functional.layer_norm(made, weight.shape, weight, bias)
            return (x + made.to(x.dtype),)

        return change


def can_read(activation: str) -> bool:
    """Whether this activation is known here."""
    return activation in _ACTIVATIONS


def load_controlnet(path: Path, painter: Painter, folder: Path) -> Any:
    """A ControlNet for the painter's checkpoint.

    Raises:
        ValueError, RuntimeError: It does not fit this checkpoint.
    """
    own = dict(painter.unet.config)
    names = (
        "act_fn", "attention_head_dim", "block_out_channels", "cross_attention_dim",
        "down_block_types", "flip_sin_to_cos", "freq_shift", "layers_per_block",
        "norm_num_groups", "transformer_layers_per_block", "use_linear_projection",
        "addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim",
    )  # fmt: skip
    config = {name: own[name] for name in names if own.get(name) is not None}
    config |= {
        "_class_name": "ControlNetModel",
        "in_channels": 4,
        "conditioning_embedding_out_channels": _HINT_CHANNELS,
    }
    (folder / "controlnet").mkdir()
    (folder / "controlnet" / "config.json").write_text(json.dumps(config))
    return diffusers.ControlNetModel.from_single_file(
        str(path),
        config=str(folder),
        subfolder="controlnet",
        local_files_only=True,
        torch_dtype=painter.device.dtype,
    ).to(painter.device.name)


def steer_by(controlnet: Any, size: int) -> Callable[..., dict[str, Any]]:
    """What `Painter.paint` calls in every step: the hint is a made-up picture."""
    hint = torch.from_numpy(made_up(size, size)).permute(2, 0, 1)[None]

    def steer(
        reads: torch.Tensor, time: torch.Tensor, told: torch.Tensor, extra: Any
    ) -> dict[str, Any]:
        shown = torch.cat([hint] * len(reads)).to(reads.device, reads.dtype)
        down, middle = controlnet(
            reads,
            time.to(reads.device),
            encoder_hidden_states=told,
            controlnet_cond=shown,
            added_cond_kwargs=extra,
            return_dict=False,
        )
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    return steer


def _plain(text: str) -> str:
    return text.strip('"').lower()
