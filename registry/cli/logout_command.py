"""`sdreg logout`."""

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.login_command import HubArgument
from registry.cli.options import JsonFlag

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def logout(hub: HubArgument, json: JsonFlag = False) -> None:
    """Forget a token.

    Tokens in CIVITAI_TOKEN and HF_TOKEN are the environment's and stay.
    """
    had = Registry.open().logout(hub)
    if json:
        render.emit("sdreg.logout/1", {"hub": hub, "forgotten": had})
    else:
        render.write(f"the token for {hub} is forgotten" if had else f"no token for {hub} was kept")
