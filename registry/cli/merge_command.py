"""`sdreg merge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.convert_command import overflow_lines, renamed_lines
from registry.cli.options import JsonFlag
from registry.cli.progress import progress_for_terminal
from registry.cli.wish import output_precision, share
from registry.cli.words import size

if TYPE_CHECKING:
    from registry.operations.merge_files import Merged

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def merge(
    models: Annotated[
        list[str], typer.Argument(metavar="A B [C]", help="Two or three files of weights.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", help="The new file, a .safetensors.")],
    method: Annotated[
        str,
        typer.Option("--method", help="weighted-sum: A(1-M) + BM; add-difference: A + (B-C)M."),
    ] = "weighted-sum",
    multiplier: Annotated[
        str, typer.Option("--multiplier", help="The M of the method, from 0 to 1.")
    ] = "0.5",
    precision: Annotated[
        str | None, typer.Option("--precision", help="Number format: fp16, bf16 or fp32.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Blend two or three models into one, as A1111 does.

    What only the first model has is kept, what only another one has is dropped, and both are told.
    The result says what it was made from, in the metadata that UIs read.
    """
    registry = Registry.open()
    done = registry.merge(
        [Path(model) for model in models],
        Path(output),
        method=method,
        multiplier=share(multiplier, "--multiplier"),
        precision=output_precision(precision),
        progress=progress_for_terminal(quiet=json),
    )
    if json:
        render.emit("sdreg.merge/1", document(done))
    else:
        write(done)


def document(done: "Merged") -> dict[str, Any]:
    """`merge --json`."""
    return {
        "method": done.method,
        "multiplier": done.multiplier,
        "sources": [{"path": str(path), "sha256": sha256} for path, sha256 in done.sources],
        "output": str(done.output),
        "sha256": done.sha256,
        "size_bytes": done.size_bytes,
        "tensors": done.tensors,
        "merged": done.merged,
        "kept": list(done.kept),
        "dropped": list(done.dropped),
        "renamed": list(done.renamed),
        "overflows": list(done.overflows),
        "inpainting": done.inpainting,
        "metadata": done.metadata,
    }


def write(done: "Merged") -> None:
    """What was done, in lines."""
    blended = f"{done.merged} of {done.tensors} tensors blended"
    render.write(f"{done.output}: {blended}, {size(done.size_bytes)}, all compared")
    render.facts(
        [
            ("sha256", done.sha256),
            ("from", "\n".join(f"{path} (sha256 {sha256})" for path, sha256 in done.sources)),
            ("kept", _shown(done.kept)),
            ("dropped", _shown(done.dropped)),
            ("renamed", "\n".join(renamed_lines(done.renamed))),
            ("too large", "\n".join(overflow_lines(done.overflows))),
            ("note", "the result is for inpainting" if done.inpainting else ""),
        ]
    )


def _shown(names: tuple[str, ...]) -> str:
    first = ", ".join(names[:_FEW])
    return f"{first} and {len(names) - _FEW} more" if len(names) > _FEW else first


_FEW = 4
