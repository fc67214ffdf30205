"""Where the migrations and the seed lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(name: str) -> Path:
    """The path of ``migrations`` or ``catalog.seed.json`` that belongs to this program.

    Raises:
        FileNotFoundError: Neither place has it: the program was packed without it.
    """
    for folder in (_PACKAGE / "_shipped", _PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"sdreg was installed without its {name}")
