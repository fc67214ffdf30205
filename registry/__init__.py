"""sdreg: one word in, the right model out, proven, and still proven a year later.

    from registry import Registry

    registry = Registry.open()                      # the home that the settings name
    plan = registry.plan_install("anything-v3")     # what, why, how many bytes, where to
    report = registry.install(plan)                 # fetched, proven, stored, linked
    registry.verify().findings                      # () while every byte is as it was stored
    registry.inspect("hf:owner/repo").identity      # what it is, read from its header alone

Everything raises `SdregError`: a sentence, a `hint`, a `code` and an `exit_code`. What comes back
are frozen values. Names are loaded when they are first used, so that importing is free.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.api import Registry, __version__, hash_file, inspect_file
    from registry.domain.hashes import Hash, Hashes, HashKind
    from registry.domain.install import Install
    from registry.domain.model import Model, ModelFile, ModelVersion
    from registry.domain.progress import Progress
    from registry.domain.source import Source
    from registry.domain.variant import FileFormat, Precision, Pruning, Variant
    from registry.errors import SdregError
    from registry.operations.scan import scan_file
    from registry.resolve.preference import Preference
    from registry.settings import Settings

_HOMES = {
    "FileFormat": "registry.domain.variant",
    "Hash": "registry.domain.hashes",
    "HashKind": "registry.domain.hashes",
    "Hashes": "registry.domain.hashes",
    "Install": "registry.domain.install",
    "Model": "registry.domain.model",
    "ModelFile": "registry.domain.model",
    "ModelVersion": "registry.domain.model",
    "Precision": "registry.domain.variant",
    "Preference": "registry.resolve.preference",
    "Progress": "registry.domain.progress",
    "Pruning": "registry.domain.variant",
    "Registry": "registry.api",
    "SdregError": "registry.errors",
    "Settings": "registry.settings",
    "Source": "registry.domain.source",
    "Variant": "registry.domain.variant",
    "__version__": "registry.api",
    "hash_file": "registry.api",
    "inspect_file": "registry.api",
    "scan_file": "registry.operations.scan",
}

__all__ = [
    "FileFormat",
    "Hash",
    "HashKind",
    "Hashes",
    "Install",
    "Model",
    "ModelFile",
    "ModelVersion",
    "Precision",
    "Preference",
    "Progress",
    "Pruning",
    "Registry",
    "SdregError",
    "Settings",
    "Source",
    "Variant",
    "__version__",
    "hash_file",
    "inspect_file",
    "scan_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
