"""Find the one-file extensions of a room.

A hub, a layout, a model type or an architecture is one module that names what it brings in a
constant. Nothing is registered and no list is kept: what lies in the folder is there.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def collect(package: ModuleType, constant: str) -> dict[str, Any]:
    """Gather `constant` from every direct module of `package` that defines it.

    Args:
        package: An imported package, for example ``registry.layouts``.
        constant: The name that an extension defines, for example ``"LAYOUT"``.

    Returns:
        Module name (last part) to the constant's value, in alphabetical order of the names.
    """
    found: dict[str, Any] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        if hasattr(module, constant):
            found[info.name] = getattr(module, constant)
    return found
