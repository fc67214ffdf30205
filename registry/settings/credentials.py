"""Tokens of hubs: in the system's keyring, else in a file that only the user can read.

A token is never printed, logged or put on a command line.
"""

import json
import os
from importlib.util import find_spec
from pathlib import Path

from registry.domain.source import Secret
from registry.errors import InvalidSettings, StoreUnwritable

_SERVICE = "sdreg"
_FILE = "credentials.json"
_OTHERS = 0o077


def file_in(home: Path) -> Path:
    """The file that takes tokens where there is no keyring."""
    return home / _FILE


def store(home: Path, hub: str, token: Secret) -> str:
    """Keep a token; returns where, in words.

    Raises:
        StoreUnwritable: Neither the keyring nor the file takes it.
    """
    if _keyring_set(hub, token.value):
        _file_forget(home, hub)
        return "the system keyring"
    tokens = _file_read(home) | {hub: token.value}
    _file_write(home, tokens)
    return str(file_in(home))


def stored(home: Path, hub: str) -> Secret | None:
    """The token that was kept for a hub, if any."""
    value = _file_read(home).get(hub) or _keyring_get(hub)
    return Secret(value) if value else None


def forget(home: Path, hub: str) -> bool:
    """Drop a kept token; says whether there was one."""
    return _file_forget(home, hub) | _keyring_delete(hub)


def _file_read(home: Path) -> dict[str, str]:
    file = file_in(home)
    try:
        if os.name == "posix" and file.stat().st_mode & _OTHERS:
            raise InvalidSettings("*", "can be read by others: run `chmod 600` on it", str(file))
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StoreUnwritable(str(file), error.strerror or str(error)) from error
    except ValueError as error:
        raise InvalidSettings("*", "is not the JSON that sdreg wrote", str(file)) from error
    if not isinstance(found, dict):
        raise InvalidSettings("*", "is not the JSON that sdreg wrote", str(file))
    return {hub: value for hub, value in found.items() if isinstance(value, str)}


def _file_write(home: Path, tokens: dict[str, str]) -> None:
    file = file_in(home)
    draft = file.with_suffix(f".{os.getpid()}.draft")
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(tokens, out)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreUnwritable(str(file), error.strerror or str(error)) from error


def _file_forget(home: Path, hub: str) -> bool:
    tokens = _file_read(home)
    if hub not in tokens:
        return False
    del tokens[hub]
    _file_write(home, tokens)
    return True


# The keyring is an extra: a server without a desktop has none, and the file serves as well.


def _keyring_set(hub: str, token: str) -> bool:
    if not find_spec("keyring"):
        return False
    import keyring  # noqa: PLC0415 -- an extra
    import keyring.errors  # noqa: PLC0415

    try:
        keyring.set_password(_SERVICE, hub, token)
        # A backend that keeps nothing does not say so.
        return keyring.get_password(_SERVICE, hub) == token
    except keyring.errors.KeyringError:
        return False


def _keyring_get(hub: str) -> str | None:
    if not find_spec("keyring"):
        return None
    import keyring  # noqa: PLC0415 -- an extra
    import keyring.errors  # noqa: PLC0415

    try:
        return keyring.get_password(_SERVICE, hub)
    except keyring.errors.KeyringError:
        return None


def _keyring_delete(hub: str) -> bool:
    if _keyring_get(hub) is None:
        return False
    import keyring  # noqa: PLC0415 -- an extra
    import keyring.errors  # noqa: PLC0415

    try:
        keyring.delete_password(_SERVICE, hub)
    except keyring.errors.KeyringError:
        return False
    return True
