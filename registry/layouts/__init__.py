"""Where each UI keeps which type of model; one module a UI.

A layout is found by lying in this folder: nothing registers it and no list names it.
"""

import sys
from functools import cache
from pathlib import Path

from registry.discovery import collect
from registry.errors import InvalidArgument
from registry.layouts.layout import Layout, place

__all__ = ["Layout", "detect", "get", "names", "place", "ui_names"]


def get(name: str) -> Layout:
    """The layout of this name.

    Raises:
        InvalidArgument: There is none.
    """
    found = _all().get(name)
    if found is None:
        raise InvalidArgument(
            repr(name), "is not a UI that sdreg knows", f"It may be {', '.join(names())}."
        )
    return found


def names() -> tuple[str, ...]:
    """The name of every layout: the library first, then by the alphabet."""
    return tuple(_all())


def ui_names() -> tuple[str, ...]:
    """The names that a user can configure a folder for: all but our own library."""
    return tuple(name for name in names() if name != "library")


def detect(folder: Path) -> tuple[Layout, ...]:
    """Every layout whose markers all lie in `folder`; none for a folder that is no UI's root."""
    return tuple(
        layout
        for layout in _all().values()
        if layout.markers and all((folder / marker).exists() for marker in layout.markers)
    )


@cache
def _all() -> dict[str, Layout]:
    found: list[Layout] = list(collect(sys.modules[__name__], "LAYOUT").values())
    found.sort(key=lambda layout: (layout.name != "library", layout.name))
    return {layout.name: layout for layout in found}
