"""The parameters of a picture in the words that A1111 writes into it, so that every UI reads them.

The form is that of `modules/infotext_utils.py`: prompt, negative prompt, one line of settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Painted:
    """How a picture was made. `size` is width and height in pixels."""

    prompt: str
    steps: int
    guidance: float
    seed: int
    size: tuple[int, int]
    model: str
    model_hash: str | None = None
    clip_skip: int | None = None
    sampler: str = "Euler"


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
        "Model": _quoted(painted.model),
        "Clip skip": painted.clip_skip if (painted.clip_skip or 1) > 1 else None,
    }
    line = ", ".join(f"{name}: {value}" for name, value in settings.items() if value is not None)
    return f"{painted.prompt}\n{line}"


def _quoted(text: str) -> str:
    if not set(text) & set(',:\n"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
