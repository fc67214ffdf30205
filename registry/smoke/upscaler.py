"""Try an upscaler of the ESRGAN family: enlarge a made-up picture.

The network is RRDBNet, as in Wang et al. 2018 (ESRGAN) and BasicSR's `rrdbnet_arch.py`: most
upscalers that UIs list are one. Files have its names of today, or those of the first release.
ESRGAN+ (Rakotonirina and Rasoanaivo 2020) adds two short ways to each dense block.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn.functional import conv2d, interpolate, leaky_relu, pixel_unshuffle

from registry.smoke.devices import Device
from registry.smoke.memory import ran_out
from registry.smoke.painter import Picture
from registry.smoke.sample import made_up
from registry.smoke.untestable import CannotTry

_SLOPE, _SHARE = 0.2, 0.2
_BODY = re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d\.0|1x1)\.(weight|bias)")
_END = re.compile(r"model\.1\.sub\.(\d+)\.(weight|bias)")
_COLOURS = 3


class Enlarger:
    """RRDBNet with these weights.

    Raises:
        CannotTry: They are of another network.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], device: Device) -> None:
        dtype = torch.float32 if device.name == "cpu" else device.dtype
        named = {_name(name, tensors): tensor for name, tensor in tensors.items()}
        self._weights = {name: each.to(device.name, dtype) for name, each in named.items()}
        needed = {"conv_first.weight", "conv_body.weight", "conv_hr.weight", "conv_last.weight"}
        if not needed <= self._weights.keys():
            message = "it is no upscaler of the ESRGAN family, and others are not read here"
            raise CannotTry("kind-not-testable", message)
        self._blocks = len({name.split(".")[1] for name in named if name.startswith("body.")})
        self._ups = [n for n in range(1, 4) if f"conv_up{n}.weight" in self._weights]
        # Models that enlarge by 2 or 1 fold 2 × 2 or 4 × 4 pixels into channels first.
        self._fold = {3: 1, 12: 2, 48: 4}.get(self._weights["conv_first.weight"].shape[1], 1)

    @property
    def scale(self) -> int:
        """How many times wider the result is."""
        return int(2 ** len(self._ups) // self._fold)

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """Enlarge a picture of the shape 1 × 3 × height × width."""
        x = picture.to(next(iter(self._weights.values())))
        if self._fold > 1:
            x = pixel_unshuffle(x, self._fold)
        first = inner = self._conv(x, "conv_first")
        for block in range(self._blocks):
            inner = self._block(inner, f"body.{block}")
        x = first + self._conv(inner, "conv_body")
        for number in self._ups:
            x = interpolate(x, scale_factor=2.0, mode="nearest")
            x = _bent(self._conv(x, f"conv_up{number}"))
        return self._conv(_bent(self._conv(x, "conv_hr")), "conv_last")

    def _block(self, x: torch.Tensor, name: str) -> torch.Tensor:
        made = x
        for part in ("rdb1", "rdb2", "rdb3"):
            made = self._dense_block(made, f"{name}.{part}")
        return x + _SHARE * made

    def _dense_block(self, x: torch.Tensor, name: str) -> torch.Tensor:
        is_plus = f"{name}.conv1x1.weight" in self._weights

        def read(number: int, *seen: torch.Tensor) -> torch.Tensor:
            return self._conv(torch.cat(seen, 1), f"{name}.conv{number}")

        one = _bent(read(1, x))
        two = _bent(read(2, x, one))
        if is_plus:
            two = two + self._conv(x, f"{name}.conv1x1")
        three = _bent(read(3, x, one, two))
        four = _bent(read(4, x, one, two, three))
        if is_plus:
            four = four + two
        return x + _SHARE * read(5, x, one, two, three, four)

    def _conv(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias")
        return conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def enlarge(path: Path, device: Device, size: int) -> tuple[Picture, dict[str, float]]:
    """The enlarged picture, and by how much (`scale`). The latents are its values."""
    network = Enlarger(load_file(path), device)
    shown = torch.from_numpy(made_up(size, size)).permute(2, 0, 1)[None]
    try:
        made = network(shown)[0].permute(1, 2, 0).float().cpu().numpy()
    except (KeyError, RuntimeError) as error:
        if ran_out(error):
            raise
        raise CannotTry("kind-not-testable", f"its network is not read here: {error}") from error
    if made.shape[2] != _COLOURS:
        raise CannotTry("kind-not-testable", f"it gives {made.shape[2]} channels and not 3")
    return Picture(np.ascontiguousarray(made), made), {"scale": float(network.scale)}


def _name(name: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """The name of today for one of the first release."""
    if (found := _BODY.fullmatch(name)) is not None:
        block, part, conv, kind = found.groups()
        return f"body.{block}.rdb{part}.conv{conv.removesuffix('.0')}.{kind}"
    if (found := _END.fullmatch(name)) is not None:
        return f"conv_body.{found[2]}"
    last = max((int(n.split(".")[1]) for n in tensors if re.match(r"model\.\d+\.", n)), default=0)
    ends = {0: "conv_first", 3: "conv_up1", 6: "conv_up2", 9: "conv_up3"}
    ends |= {last - 2: "conv_hr", last: "conv_last"}
    if (found := re.fullmatch(r"model\.(\d+)\.(weight|bias)", name)) is not None:
        return f"{ends.get(int(found[1]), name)}.{found[2]}"
    return name


def _bent(x: torch.Tensor) -> torch.Tensor:
    return leaky_relu(x, _SLOPE)
