"""Merge two or three models into one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.convert.blend import Method
from registry.domain.progress import Progress
from registry.domain.variant import Precision
from registry.errors import InvalidArgument
from registry.operations.make_file import check_output, looked_at, make

_MODELS = {Method.WEIGHTED_SUM: 2, Method.ADD_DIFFERENCE: 3}
_HINTS = {
    Method.WEIGHTED_SUM: "It computes A × (1 - M) + B × M.",
    Method.ADD_DIFFERENCE: "It computes A + (B - C) × M.",
}


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of several models.

    Attributes:
        sources: The models and their SHA-256, in order.
        merged: How many tensors were blended.
        kept: Names that were taken from the first model as they are.
        dropped: Names that only another model had.
        renamed: `before`, `after`, `count`: every rule that changed names.
        overflows: `name`, `count`: numbers too large for the format; they are infinite now.
        inpainting: Whether the result is for inpainting.
        metadata: What it says of itself.
    """

    method: Method
    multiplier: float
    sources: tuple[tuple[Path, str], ...]
    output: Path
    sha256: str
    size_bytes: int
    tensors: int
    merged: int
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    renamed: tuple[dict[str, Any], ...]
    overflows: tuple[dict[str, Any], ...]
    inpainting: bool
    metadata: dict[str, str]


def merge_files(
    models: Sequence[Path],
    output: Path,
    progress: Progress,
    *,
    method: str = "weighted-sum",
    multiplier: float = 0.5,
    precision: Precision | None = None,
    durable: bool = True,
) -> Merged:
    """Write `output` as a blend of `models`, tensor by tensor, and compare before it gets its name.

    Args:
        models: Two files for a weighted sum, three for a difference.
        output: A name that is free.
        progress: Hears of the bytes that are done.
        method: ``weighted-sum`` or ``add-difference``.
        multiplier: Weight of the second model, or of the difference; from 0 to 1.
        precision: Of the result; None keeps what the models have.
        durable: Wait until the result is on the disk.

    Raises:
        InvalidArgument: A number of models or a multiplier that makes no sense, or a wrong name.
        CannotMerge: They do not fit each other.
        SdregError: A file cannot be read or is refused, or the disk refuses.
    """
    way = _method(method)
    if len(models) != _MODELS[way]:
        because = f"takes {_MODELS[way]} models, and {len(models)} were named"
        raise InvalidArgument(f"--method {method}", because, _HINTS[way])
    if not 0 <= multiplier <= 1:
        raise InvalidArgument(f"--multiplier {multiplier:g}", "is no share", "It goes from 0 to 1.")
    check_output(output)
    inputs = [looked_at(path) for path in models]
    facts = {
        "sources": [
            {
                "path": str(each.path.resolve()),
                "name": each.path.name,
                "autov1": each.autov1,
            }
            for each in inputs
        ],
        "recipe": {"method": way, "multiplier": multiplier, "precision": precision},
    }
    made = make("merge", facts, inputs, output, progress, durable=durable)
    return Merged(
        method=way,
        multiplier=multiplier,
        sources=tuple(zip(models, made.sha256s, strict=True)),
        output=output,
        **made.told,
    )


def _method(text: str) -> Method:
    try:
        return Method(text.strip().lower())
    except ValueError:
        known = " or ".join(Method)
        raise InvalidArgument(f"--method {text}", "is not known", f"It may be {known}.") from None
