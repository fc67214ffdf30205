"""The parameters of a picture in the words that A1111 writes into it, so that every UI reads them.

The form is that of `modules/infotext_utils.py`: prompt, negative prompt, one line of settings.
"""

import re
from dataclasses import dataclass

from registry.domain.smoke import SmokeTask

_TAGS = {"lora": "lora", "lycoris": "lora", "hypernetwork": "hypernet"}
_STORED = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.(?:safetensors|ckpt|pth?|bin)$", re.IGNORECASE)
_SHORT = 10  # digits of the hash that A1111 looks a model up by


@dataclass(frozen=True, slots=True)
class Painted:
    """How a picture was made. `size` is width and height in pixels."""

    prompt: str
    steps: int
    guidance: float
    seed: int
    size: tuple[int, int]
    model: str | None = None
    model_hash: str | None = None
    clip_skip: int | None = None
    sampler: str = "Euler"


def painted_by(
    task: SmokeTask, prompt: str, *, steps: int, guidance: float, size: tuple[int, int]
) -> Painted:
    """How a task was painted: the model is the checkpoint, an adapter is a word of the prompt."""
    weights = task.base or task.target
    name = _SUFFIX.sub("", task.name)
    tag = _TAGS.get(task.model_type)
    if tag is not None:
        prompt = f"{prompt} <{tag}:{re.sub('[<>:]', '_', name)}:1>"
    is_stored = _STORED.fullmatch(weights.stem) is not None
    if task.base is not None:
        name = "" if is_stored else weights.stem
    return Painted(
        prompt,
        steps,
        guidance,
        task.seed,
        size,
        name or None,
        weights.stem[:_SHORT] if is_stored else None,
        task.clip_skip,
    )


def infotext(painted: Painted) -> str:
    """The text for the `parameters` chunk of a PNG."""
    width, height = painted.size
    settings: dict[str, object] = {
        "Steps": painted.steps,
        "Sampler": painted.sampler,
        "CFG scale": f"{painted.guidance:g}",
        "Seed": painted.seed,
        "Size": f"{width}x{height}",
        "Model hash": painted.model_hash,
        "Model": _quoted(painted.model) if painted.model is not None else None,
        "Clip skip": painted.clip_skip if (painted.clip_skip or 1) > 1 else None,
    }
    line = ", ".join(f"{name}: {value}" for name, value in settings.items() if value is not None)
    return f"{painted.prompt}\n{line}"


def _quoted(text: str) -> str:
    if not set(text) & set(',:\n"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
