"""`sdreg why`."""

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import file_document
from registry.cli.options import (
    FileOption,
    FormatOption,
    FullFlag,
    JsonFlag,
    ModelArgument,
    PickleFlag,
    PreferOption,
    VersionOption,
)
from registry.cli.wish import wish_from
from registry.resolve.explain import explain, why_chosen

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def why(
    reference: ModelArgument,
    prefer: PreferOption = None,
    full: FullFlag = None,
    format_name: FormatOption = None,
    file: FileOption = None,
    version: VersionOption = None,
    allow_pickle: PickleFlag = None,
    json: JsonFlag = False,
) -> None:
    """Tell which file would be taken, and why not the others.

    Exits with 3 when no file fits.
    """
    registry = Registry.open()
    wish = wish_from(
        registry,
        prefer=prefer,
        full=full,
        format_name=format_name,
        file=file,
        version=version,
        allow_pickle=allow_pickle,
    )
    choice = registry.why(reference, wish)
    if json:
        chosen = choice.chosen
        document = {
            "reference": reference,
            "slug": choice.model.slug,
            "chosen": file_document(chosen.version, chosen.file) if chosen else None,
            "because": list(why_chosen(chosen, choice.model.type)) if chosen else [],
            "rejected": [
                {**file_document(no.version, no.file), "reason": no.reason, "because": no.because}
                for no in choice.rejected
            ],
        }
        render.emit("sdreg.why/1", document)
    else:
        for line in explain(choice):
            render.write(line)
    if choice.chosen is None:
        raise typer.Exit(3)
