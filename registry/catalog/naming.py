"""How names are compared, and which architectures a base text belongs to."""

import re

_SEPARATORS = re.compile(r"[\s_\-]+")
_NOT_IN_SLUGS = re.compile(r"[^a-z0-9.]+")


def name_key(name: str) -> str:
    """What two spellings of one name have in common.

    Example:
        >>> name_key(" Anything_V3 ") == name_key("anything-v3")
        True
    """
    return _SEPARATORS.sub("-", name.strip().casefold()).strip("-")


def slug_of(name: str) -> str:
    """A slug made from any name; ``model`` where nothing of it can be used.

    Example:
        >>> slug_of("Anything V3 (fp16)")
        'anything-v3-fp16'
    """
    return _NOT_IN_SLUGS.sub("-", name.casefold()).strip("-.")[:200] or "model"


def architectures(base: str | None) -> tuple[str, ...]:
    """Every architecture under which a base text is found: itself, its parts, their families.

    Example:
        >>> architectures("sdxl-pony"), architectures("sd1+sdxl"), architectures(None)
        (('sdxl', 'sdxl-pony'), ('sd1', 'sd1+sdxl', 'sdxl'), ())
    """
    if not base:
        return ()
    parts = base.split("+")
    return tuple(sorted({base, *parts, *(part.partition("-")[0] for part in parts)}))
