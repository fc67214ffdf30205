"""From flags to a wish."""

from typing import Any, TypeVar

from registry.api import Registry
from registry.domain.variant import FileFormat, Precision
from registry.errors import InvalidArgument
from registry.resolve.preference import Preference


def wish_from(
    registry: Registry,
    *,
    prefer: str | None,
    full: bool | None,
    format_name: str | None,
    file: str | None,
    version: str | None,
    allow_pickle: bool | None,
) -> Preference:
    """The settings' wish, changed by the flags that were given.

    Raises:
        InvalidArgument: A flag names no precision or format.
    """
    changes: dict[str, Any] = {"file": file, "version": version}
    if prefer is not None:
        changes["precision"] = _member(Precision, prefer, "--prefer")
    if format_name is not None:
        changes["format"] = _member(FileFormat, format_name, "--format")
    if full is not None:
        changes["full"] = full
    if allow_pickle is not None:
        changes["allow_pickle"] = allow_pickle
    return registry.wish(**changes)


Kind = TypeVar("Kind", Precision, FileFormat)


def _member(kind: type[Kind], text: str, flag: str) -> Kind:
    try:
        return kind(text.strip().lower())
    except ValueError:
        known = ", ".join(kind)
        raise InvalidArgument(f"{flag} {text}", "is not known", f"It may be {known}.") from None
