"""`sdreg search`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli.list_command import show_models
from registry.cli.options import JsonFlag
from registry.cli.progress import progress_for_terminal

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="Words or their beginnings.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    online: Annotated[bool, typer.Option("--online", help="Ask the hubs as well.")] = False,
    json: JsonFlag = False,
) -> None:
    """Find models by name, trigger word or note.

    Best first. What hubs answer with --online is kept in the catalog.
    """
    registry = Registry.open()
    text = " ".join(words)
    models = registry.search(text, limit=limit)
    if online:
        known = {model.slug for model in models}
        progress = progress_for_terminal(quiet=json)
        found = registry.search_hubs(text, limit=limit, progress=progress)
        models = (*models, *(model for model in found if model.slug not in known))
    show_models(registry, models[:limit], "sdreg.search/1", json=json)
