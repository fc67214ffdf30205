"""`sdreg login`."""

import sys
from typing import Annotated

import typer

from registry.api import HUBS_WITH_LOGIN, Registry, hub_with_login
from registry.cli import render
from registry.cli.options import JsonFlag
from registry.domain.source import Secret
from registry.errors import InvalidArgument

app = typer.Typer(rich_markup_mode=None, add_completion=False)

WHERE_TOKENS_ARE_MADE = {
    "civitai": "https://civitai.com/user/account (API keys)",
    "huggingface": "https://huggingface.co/settings/tokens",
}


def complete_hubs(incomplete: str) -> list[str]:
    """Hubs for the shell."""
    return [hub for hub in HUBS_WITH_LOGIN if hub.startswith(incomplete)]


HubArgument = Annotated[
    str,
    typer.Argument(metavar="HUB", help="civitai or huggingface.", autocompletion=complete_hubs),
]


@app.command()
def login(hub: HubArgument, json: JsonFlag = False) -> None:
    """Keep a token for Civitai or Hugging Face.

    The token is asked for, or read from standard input: it never stands on a command line. It is
    kept in the system's keyring, else in a file that only you can read, and sent to its own host
    only. CIVITAI_TOKEN and HF_TOKEN come before it.
    """
    hub = hub_with_login(hub)
    if sys.stdin.isatty():
        typer.echo(f"Make a token at {WHERE_TOKENS_ARE_MADE[hub]}", err=True)
        text = typer.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidArgument("the token", "is empty or has odd characters", "Paste it again.")
    kept = Registry.open().login(hub, Secret(token))
    if json:
        render.emit("sdreg.login/1", {"hub": hub, "kept_in": kept})
    else:
        render.write(f"the token for {hub} is kept in {kept}")
