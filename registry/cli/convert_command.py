"""`sdreg convert`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag
from registry.cli.progress import progress_for_terminal
from registry.cli.wish import output_precision
from registry.cli.words import size

if TYPE_CHECKING:
    from registry.operations.convert_file import Converted

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A file: .ckpt, .pt, .bin, .safetensors.")
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="The new file; else SRC with .safetensors."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="Number format: fp16, bf16 or fp32.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Leave out EMA copies and the optimiser's state.")
    ] = False,
    ema: Annotated[
        bool,
        typer.Option("--ema", help="Take the EMA weights instead of the trained ones; prunes."),
    ] = False,
    vae: Annotated[str | None, typer.Option("--vae", help="Bake in the VAE of this file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Make a safetensors file from a pickle, or another precision.

    A pickle is never run: it is read without obeying it, in a child that can reach nothing. Every
    tensor of the result is compared with its source; SRC stays as it is, and nothing is replaced.
    """
    registry = Registry.open()
    done = registry.convert(
        Path(source),
        Path(output) if output is not None else None,
        precision=output_precision(precision),
        prune=prune,
        take_averages=ema,
        vae=Path(vae) if vae is not None else None,
        progress=progress_for_terminal(quiet=json),
    )
    if json:
        render.emit("sdreg.convert/1", document(done))
    else:
        write(done)


def document(done: "Converted") -> dict[str, Any]:
    """`convert --json`."""
    return {
        "source": str(done.source),
        "source_sha256": done.source_sha256,
        "output": str(done.output),
        "sha256": done.sha256,
        "size_bytes": done.size_bytes,
        "tensors": done.tensors,
        "dropped": list(done.dropped),
        "renamed": list(done.renamed),
        "replaced": list(done.replaced),
        "duplicated": list(done.duplicated),
        "overflows": list(done.overflows),
        "left_metadata": list(done.left_metadata),
        "metadata": done.metadata,
        "notes": list(done.notes),
    }


def write(done: "Converted") -> None:
    """What was done, in lines; everything that is not as it was is told."""
    render.write(f"{done.output}: {_tensors(done.tensors)}, {size(done.size_bytes)}, all compared")
    render.facts(
        [
            ("sha256", done.sha256),
            ("from", f"{done.source} (sha256 {done.source_sha256})"),
            ("renamed", "\n".join(renamed_lines(done.renamed))),
            ("dropped", "\n".join(_counted(done.dropped, "because"))),
            ("replaced", "\n".join(_counted(done.replaced, "by"))),
            ("copied", "\n".join(_duplicate_lines(done.duplicated))),
            ("too large", "\n".join(overflow_lines(done.overflows))),
            ("metadata", _left_line(done.left_metadata)),
            ("note", "\n".join(done.notes)),
        ]
    )


def renamed_lines(rules: tuple[dict[str, Any], ...]) -> list[str]:
    """One line for every rule that changed names."""
    return [
        f"{rule['before']}… is now {rule['after'] or ''}… ({_tensors(rule['count'])})"
        for rule in rules
    ]


def overflow_lines(found: tuple[dict[str, Any], ...]) -> list[str]:
    """One line for every tensor that a format could not hold."""
    return [f"{each['name']}: {each['count']} numbers are infinite now" for each in found]


def _counted(items: tuple[dict[str, Any], ...], key: str) -> list[str]:
    reasons = Counter(str(item[key]) for item in items)
    if len(reasons) > _FEW:
        return [f"{_tensors(len(items))}, each for a reason of its own: see --json"]
    return [f"{_tensors(count)}: {reason}" for reason, count in reasons.items()]


def _duplicate_lines(items: tuple[dict[str, Any], ...]) -> list[str]:
    lines = [f"{item['name']} has the same bytes as {item['same_as']}" for item in items[:_FEW]]
    more = len(items) - _FEW
    return [*lines, f"and {more} more: see --json"] if more > 0 else lines


def _left_line(keys: tuple[str, ...]) -> str:
    return f"not kept: {', '.join(keys)}" if keys else ""


def _tensors(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count} tensors"


_FEW = 8
