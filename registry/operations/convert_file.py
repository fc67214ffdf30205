"""Convert a file of weights into the safetensors file that somebody wants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.domain.progress import Progress
from registry.domain.variant import Precision
from registry.operations.make_file import check_output, looked_at, make


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a file.

    Attributes:
        source: What it was made from, and its SHA-256.
        output: The new file.
        tensors: How many it holds.
        renamed: `before`, `after`, `count`: every rule that changed names.
        dropped: `name`, `because`: every tensor that it does not have.
        replaced: `name`, `by`: every tensor whose values another one gave.
        duplicated: `name`, `same_as`: tensors that shared their bytes and now have their own.
        overflows: `name`, `count`: numbers too large for the new format; they are infinite now.
        left_metadata: Keys of metadata that no longer hold or cannot be written.
        metadata: What it says of itself.
        notes: Sentences.
    """

    source: Path
    source_sha256: str
    output: Path
    sha256: str
    size_bytes: int
    tensors: int
    renamed: tuple[dict[str, Any], ...]
    dropped: tuple[dict[str, Any], ...]
    replaced: tuple[dict[str, Any], ...]
    duplicated: tuple[dict[str, Any], ...]
    overflows: tuple[dict[str, Any], ...]
    left_metadata: tuple[str, ...]
    metadata: dict[str, str]
    notes: tuple[str, ...]


def convert_file(
    source: Path,
    output: Path,
    progress: Progress,
    *,
    precision: Precision | None = None,
    prune: bool = False,
    take_averages: bool = False,
    vae: Path | None = None,
    sha256: str | None = None,
    durable: bool = True,
) -> Converted:
    """Write `output` from `source`, and compare every tensor before it gets its name.

    The source is only read. A run that fails or is killed leaves nothing under the name.

    Args:
        source: Any file of weights; a pickle is read by a confined child.
        output: A name that is free.
        progress: Hears of the bytes that are done.
        precision: Of the floating tensors: fp32, fp16 or bf16; None leaves each as it is.
        prune: Leave out what only training needs.
        take_averages: Let the averaged weights (EMA) take the place of the trained ones.
        vae: A file whose VAE takes the place of the own one.
        sha256: Of the source, where it was just proven.
        durable: Wait until the result is on the disk.

    Raises:
        ConversionError: The wish cannot be fulfilled, or the result is not what it should be.
        FormatError, UnsafeFile: The source is no file of weights, is damaged or is refused.
        InvalidArgument: `output` cannot be the name.
        StoreError: The disk refuses.
    """
    check_output(output)
    inputs = [looked_at(source, sha256=sha256), *([looked_at(vae)] if vae is not None else [])]
    facts = {
        "source": str(source.resolve()),
        "vae": str(vae.resolve()) if vae is not None else None,
        "wish": {"precision": precision, "prune": prune, "take_averages": take_averages},
    }
    made = make("convert", facts, inputs, output, progress, durable=durable)
    return Converted(
        source=source,
        source_sha256=made.sha256s[0],
        output=output,
        **made.told,
    )
