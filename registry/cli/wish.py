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


def output_precision(text: str | None) -> Precision | None:
    """The number format of a file that is to be written; None where none was named.

    Raises:
        InvalidArgument: We do not write it.
    """
    if text is None:
        return None
    found = _member(Precision, text, "--precision")
    if found not in WRITTEN:
        raise InvalidArgument(
            f"--precision {text}", "cannot be written", f"It may be {', '.join(WRITTEN)}."
        )
    return found


WRITTEN = (Precision.FP16, Precision.BF16, Precision.FP32)


def share(text: str, flag: str) -> float:
    """A number from 0 to 1.

    Raises:
        InvalidArgument: It is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise InvalidArgument(f"{flag} {text}", "is no share", "It is a number from 0 to 1.")
    return number


Kind = TypeVar("Kind", Precision, FileFormat)


def _member(kind: type[Kind], text: str, flag: str) -> Kind:
    try:
        return kind(text.strip().lower())
    except ValueError:
        known = ", ".join(kind)
        raise InvalidArgument(f"{flag} {text}", "is not known", f"It may be {known}.") from None
