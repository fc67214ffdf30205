"""`sdreg config`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag, pass_json_on
from registry.domain.source import Secret
from registry.errors import InvalidArgument
from registry.settings import Settings, home_folder
from registry.settings.keys import KEYS, UI_PREFIX, find_key

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


def complete_keys(incomplete: str) -> list[str]:
    """Names of settings for the shell."""
    from registry import layouts

    names = [key.name for key in KEYS]
    names += [UI_PREFIX + name for name in layouts.ui_names()]
    return [name for name in names if name.startswith(incomplete)]


KeyArgument = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="A setting, for example ui.comfyui.", autocompletion=complete_keys
    ),
]


@app.callback()
def config(context: typer.Context, json: JsonFlag = False) -> None:
    """Show and change settings and UI folders.

    Without a command: every setting, its value, where it comes from and what it is for.
    """
    if context.invoked_subcommand is not None:
        pass_json_on(context, json=json)
        return
    settings = Registry.open().settings
    entries = [
        {
            "key": key.name,
            "value": _shown(settings, key.name),
            "origin": settings.origins.get(key.name, "default"),
            "variable": key.variable,
            "about": key.about,
        }
        for key in KEYS
    ]
    entries += [
        {
            "key": UI_PREFIX + name,
            "value": str(root),
            "origin": settings.origins.get(UI_PREFIX + name, "default"),
            "variable": f"SDREG_UI_{name.upper()}",
            "about": "Root folder of this UI.",
        }
        for name, root in settings.uis
    ]
    if json:
        document = {"home": str(settings.home), "file": str(settings.config_file)}
        render.emit("sdreg.config/1", {**document, "settings": entries})
        return
    render.write(f"home  {settings.home}")
    rows = [
        (
            str(e["key"]),
            _as_written(e["value"]) or "–",
            str(e["origin"]),
            str(e["about"]),
        )
        for e in entries
    ]
    render.table(("setting", "value", "from", "what for"), rows)


@app.command(name="get")
def get_setting(key: KeyArgument, json: JsonFlag = False) -> None:
    """Print one setting."""
    settings = Registry.open().settings
    value = _shown(settings, key)
    if json:
        render.emit("sdreg.config/1", {"settings": [{"key": key, "value": value}]})
    else:
        render.write(_as_written(value))


@app.command(name="set")
def set_setting(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its new value.")],
    json: JsonFlag = False,
) -> None:
    """Write one setting into config.toml.

    `sdreg config set ui.a1111 FOLDER` makes a UI known: installs are linked into it from then on.
    `sdreg config set notify.url -` asks for the value, or reads it from standard input: a secret
    belongs on no command line.
    """
    from registry.settings.config_file import set_value

    setting = find_key(key)
    if setting is not None and setting.is_secret and value == "-":
        value = _typed(key)

    if key.startswith(UI_PREFIX):
        _require_ui(key)
        if not value.strip() or not Path(value).expanduser().is_dir():
            raise InvalidArgument(f"{value!r}", "is not a folder", "Give the UI's own folder.")
    set_value(_config_file(), key, value)
    shown = _shown(Registry.open().settings, key)
    if json:
        render.emit("sdreg.config/1", {"settings": [{"key": key, "value": shown}]})
    else:
        render.write(f"{key} = {_as_written(shown)}")


@app.command(name="unset")
def unset_setting(key: KeyArgument, json: JsonFlag = False) -> None:
    """Take one setting out of config.toml, also one that cannot be used."""
    from registry.settings.config_file import unset_value

    was_there = unset_value(_config_file(), key)
    if not was_there and not key.startswith(UI_PREFIX) and find_key(key) is None:
        raise _no_setting(key)
    if json:
        document = {"settings": [{"key": key, "value": None}], "was_set": was_there}
        render.emit("sdreg.config/1", document)
    else:
        render.write(f"{key} is not set any more" if was_there else f"{key} was not set")


def _typed(key: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(key, hide_input=True, err=True))
    return sys.stdin.readline()


def _config_file() -> Path:
    """Found without reading it: a setting that is wrong must not stand in the way of mending it."""
    return Settings(home=home_folder()).config_file


def _no_setting(key: str) -> InvalidArgument:
    return InvalidArgument(f"{key!r}", "is not a setting", "`sdreg config` lists them all.")


def _as_written(value: str | int | bool | None) -> str:
    """A value as one would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _require_ui(key: str) -> None:
    from registry import layouts

    known = layouts.ui_names()
    if key.removeprefix(UI_PREFIX) not in known:
        raise InvalidArgument(f"{key!r}", "names no UI", f"Known are {', '.join(known)}.")


def _shown(settings: Settings, key: str) -> str | int | bool | None:
    if key.startswith(UI_PREFIX):
        _require_ui(key)
        root = dict(settings.uis).get(key.removeprefix(UI_PREFIX))
        return str(root) if root else None
    setting = find_key(key)
    if setting is None:
        raise _no_setting(key)
    value: str | int | bool | Secret | None = getattr(settings, setting.field)
    return str(value) if isinstance(value, Secret) else value
