"""Write `config.toml`, keeping what the user wrote in it by hand."""

import contextlib
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import tomlkit
import tomlkit.exceptions

from registry.errors import InvalidSettings, StoreUnwritable
from registry.settings.keys import UI_PREFIX, find_key


def set_value(file: Path, name: str, text: str) -> None:
    """Set one setting after checking it.

    Raises:
        InvalidSettings: There is no such setting, or the value cannot be used.
        StoreUnwritable: The file cannot be written.
    """
    table, key = _split(name)
    value = _checked(file, name, text)
    document = _read(file)
    if table:
        section = document.setdefault(table, tomlkit.table())
        if not isinstance(section, MutableMapping):
            raise InvalidSettings(table, "is not a table", str(file))
        section[key] = value
    else:
        document[key] = value
    _write(file, document)


def unset_value(file: Path, name: str) -> bool:
    """Take one setting out of the file; says whether it was there."""
    table, key = _split(name)
    document = _read(file)
    section = document.get(table, {}) if table else document
    if not isinstance(section, MutableMapping) or key not in section:
        return False
    del section[key]
    if table and not section:
        del document[table]
    _write(file, document)
    return True


def _checked(file: Path, name: str, text: str) -> str | bool:
    """What is written for a text."""
    if name.startswith(UI_PREFIX):
        return str(Path(text).expanduser().absolute())
    setting = find_key(name)
    if setting is None:
        raise InvalidSettings(name, "is not a setting", str(file))
    try:
        value = setting.read(text)
    except ValueError as error:
        raise InvalidSettings(name, str(error), "what you gave") from error
    return value if isinstance(value, bool) else text.strip()


def _split(name: str) -> tuple[str, str]:
    """The table and the key in it; a UI may have a dot in its name."""
    table, _, key = name.partition(".")
    return (table, key) if key else ("", name)


def _read(file: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise InvalidSettings("*", f"is not TOML: {error}", str(file)) from error
    except OSError as error:
        raise StoreUnwritable(str(file), error.strerror or str(error)) from error


def _write(file: Path, document: tomlkit.TOMLDocument) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=".config-", delete=False
        ) as draft:
            draft.write(tomlkit.dumps(document))
        try:
            Path(draft.name).replace(file)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                Path(draft.name).unlink()
            raise
    except OSError as error:
        raise StoreUnwritable(str(file), error.strerror or str(error)) from error
