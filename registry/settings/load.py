"""Put the settings together from their four places."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.domain.source import Secret
from registry.domain.variant import FileFormat, Precision
from registry.errors import InvalidSettings
from registry.settings import credentials
from registry.settings.keys import KEYS, UI_PREFIX, UI_VARIABLE_PREFIX, Key, Value, find_key

_TOKEN_VARIABLES = {"civitai": "CIVITAI_TOKEN", "huggingface": "HF_TOKEN"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value.

    Attributes:
        home: The folder that holds everything of ours.
        uis: Name of a layout and the root folder of that UI.
        origins: Where each value comes from, by the setting's name.
        tokens: Tokens from the environment, by hub.
    """

    home: Path
    civitai_url: str | None = None
    hf_endpoint: str | None = None
    prefer: Precision | None = None
    full: bool = False
    format: FileFormat | None = None
    allow_pickle: bool = False
    connections: int = 16
    limit_rate: int | None = None
    durable: bool = True
    notify_command: str | None = None
    notify_url: Secret | None = None
    uis: tuple[tuple[str, Path], ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        """The file that `sdreg config set` writes."""
        return self.home / "config.toml"

    @property
    def catalog_file(self) -> Path:
        """The catalog's database."""
        return self.home / "catalog.sqlite3"

    @property
    def backups(self) -> Path:
        """Copies of the catalog from before upgrades."""
        return self.home / "backups"

    @property
    def partial(self) -> Path:
        """Files that are still arriving."""
        return self.home / "partial"

    @property
    def library(self) -> Path:
        """The folder with human names."""
        return self.home / "library"

    @property
    def token_file(self) -> Path:
        """Where tokens lie, where there is no keyring."""
        return credentials.file_in(self.home)

    def token(self, hub: str) -> Secret | None:
        """The token for a hub: from the environment, else from `sdreg login`."""
        return self.tokens.get(hub) or credentials.stored(self.home, hub)


def load(home: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        home: Overrides `SDREG_HOME`.
        environment: Variables to read instead of the process's own, for tests.

    Raises:
        InvalidSettings: A value cannot be used; it names the key and the place.
    """
    variables = os.environ if environment is None else environment
    folder = home or home_folder(variables)
    written = _config(folder / "config.toml")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    uis: dict[str, tuple[Path, str]] = {}
    config_name = str(folder / "config.toml")
    for name, text in written.items():
        if name.startswith(UI_PREFIX):
            uis[name.removeprefix(UI_PREFIX)] = (_root(text), config_name)
        else:
            key = _key(name, config_name)
            values[key.field] = _read(key, text, config_name)
            origins[name] = config_name
    for key in KEYS:
        if variables.get(key.variable):
            values[key.field] = _read(key, variables[key.variable], key.variable)
            origins[key.name] = key.variable
    for variable, text in variables.items():
        if variable.startswith(UI_VARIABLE_PREFIX) and text:
            ui = variable.removeprefix(UI_VARIABLE_PREFIX).lower()
            uis[ui] = (_root(text), variable)
    origins |= {UI_PREFIX + ui: origin for ui, (_, origin) in uis.items()}
    tokens = {
        hub: Secret(variables[variable].strip())
        for hub, variable in _TOKEN_VARIABLES.items()
        if variables.get(variable, "").strip()
    }
    roots = tuple((ui, root) for ui, (root, _) in sorted(uis.items()))
    return Settings(home=folder, uis=roots, origins=origins, tokens=tokens, **values)


def home_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that holds everything of ours: `SDREG_HOME`, else the platform's data folder."""
    variables = os.environ if environment is None else environment
    if variables.get("SDREG_HOME"):
        return Path(variables["SDREG_HOME"]).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 -- costs start-up time and is needed here only

    return platformdirs.user_data_path("sdreg", appauthor=False)


def choose_home(folder: str) -> None:
    """Let this process, and those that it starts, work with another home."""
    os.environ["SDREG_HOME"] = str(Path(folder).expanduser().absolute())


def _root(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _key(name: str, where: str) -> Key:
    key = find_key(name)
    if key is None:
        raise InvalidSettings(name, "is not a setting", where)
    return key


def _read(key: Key, text: str, where: str) -> Value:
    try:
        return key.read(text)
    except ValueError as error:
        raise InvalidSettings(key.name, str(error), where) from error


def _config(file: Path) -> dict[str, str]:
    """Settings written in the file, as flat texts; `[ui]` becomes ``ui.<name>``."""
    try:
        raw = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InvalidSettings("*", f"cannot be read: {error.strerror}", str(file)) from error
    import tomllib  # noqa: PLC0415 -- most homes have no such file

    try:
        document = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings("*", f"is not TOML: {error}", str(file)) from error
    flat: dict[str, str] = {}
    for name, value in document.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        for part, entry in entries:
            flat[f"{name}.{part}" if part else name] = _as_text(entry)
    return flat


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


_HARMLESS = ("PATH", "HOME", "TMPDIR", "TEMP", "LANG", "SYSTEMROOT", "LD_LIBRARY_PATH")
_HARMLESS_BEGIN = ("CUDA_", "HIP_", "ROCR_", "HSA_", "PYTORCH_", "OMP_", "MKL_")


def harmless_environment() -> dict[str, str]:
    """What a process that runs strangers' weights may know: no tokens, no proxies, no addresses."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _HARMLESS or name.startswith(_HARMLESS_BEGIN)
    }


def environment_without_secrets() -> dict[str, str]:
    """What a program of the user's own may know: all but tokens and addresses with passwords."""
    secret = {*_TOKEN_VARIABLES.values(), *(key.variable for key in KEYS if key.is_secret)}
    return {name: value for name, value in os.environ.items() if name not in secret}
