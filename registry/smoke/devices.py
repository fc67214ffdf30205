"""On what a model is tried, and in which numbers."""

from dataclasses import dataclass

import torch


class NoSuchDevice(Exception):
    """The device that was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where it runs.

    Attributes:
        name: ``cuda``, ``mps`` or ``cpu``.
        dtype: The number format of the weights there.
    """

    name: str
    dtype: torch.dtype

    @property
    def is_quick(self) -> bool:
        """Whether a picture of ordinary size takes seconds."""
        return self.name != "cpu"

    @property
    def dtype_name(self) -> str:
        """As people write it: ``float16``."""
        return str(self.dtype).removeprefix("torch.")


def choose_device(wanted: str) -> Device:
    """The best device there is, or the one that is wanted.

    On a processor fp16 is calculated so slowly that nobody would wait; bf16 is used where it can.

    Raises:
        NoSuchDevice: It is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    name = next(name for name in there if there[name]) if wanted == "auto" else wanted
    if not there.get(name, False):
        raise NoSuchDevice(f"this torch ({torch.__version__}) finds no {name} device here")
    if name != "cpu":
        return Device(name, torch.float16)
    return Device(name, torch.bfloat16 if _has_bf16() else torch.float32)


def free_bytes(device: Device) -> int | None:
    """Memory that is free on a device of its own; None for the machine's."""
    if device.name == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return None


def _has_bf16() -> bool:
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 -- there is no other way to ask
    except (AttributeError, RuntimeError):
        return False
