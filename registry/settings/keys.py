"""Every setting: its name, its environment variable, how its text is read, what it is for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry.domain.source import Secret
from registry.domain.variant import FileFormat, Precision

Value = str | int | bool | Path | Secret | None


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: As in `config.toml` and `sdreg config`; what stands before a dot is a table there.
        variable: The environment variable that overrides it.
        read: Text to value; raises ValueError with words that follow "the setting x in y".
        default: What holds when nobody says anything.
        about: One sentence.
        is_secret: Its value is never shown.
    """

    name: str
    variable: str
    read: Callable[[str], Value]
    default: Value
    about: str
    is_secret: bool = False

    @property
    def field(self) -> str:
        """The attribute of `Settings`."""
        return self.name.replace(".", "_")


def _text_of(kind: type[Precision] | type[FileFormat]) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        try:
            return kind(text.strip().lower())
        except ValueError:
            raise ValueError(f"is {text!r}; it may be {', '.join(kind)}") from None

    return read


def _flag(text: str) -> bool:
    match text.strip().lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
        case _:
            raise ValueError(f"is {text!r}; it may be true or false")


def _count(lowest: int, highest: int) -> Callable[[str], Value]:
    def read(text: str) -> int:
        if not text.strip().isdecimal() or not lowest <= int(text) <= highest:
            raise ValueError(f"is {text!r}; it may be a number from {lowest} to {highest}")
        return int(text)

    return read


_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)


def amount(text: str) -> int:
    """Read an amount of bytes such as ``200M`` (1 M = 1,000,000 bytes).

    Raises:
        ValueError: It is no amount; the words fit behind the name of a setting.

    Example:
        >>> amount("1.5G")
        1500000000
    """
    found = _AMOUNT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"is {text!r}; it may be an amount such as 500K, 20M or 1.5G")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _address(text: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 -- most homes set no address

    plain = text.strip().rstrip("/")
    parts = urlsplit(plain)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"is {text!r}; it may be an address such as https://example.org")
    if parts.username or parts.password:
        raise ValueError("holds a user name or password; use `sdreg login` for tokens")
    return plain


def _command(text: str) -> str:
    import shlex  # noqa: PLC0415 -- most homes set no command

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None
    if not words or "\0" in text:
        raise ValueError("is no command line: it names no program")
    return text.strip()


def _secret_addresses(text: str) -> Secret:
    """Addresses that may hold passwords: no message quotes them."""
    words = text.split()
    if not words or not all(re.match(r"[A-Za-z][\w.+-]*://.", word) for word in words):
        raise ValueError("is not a list of addresses such as mailto://…, each with its ://")
    return Secret(" ".join(words))


KEYS: tuple[Key, ...] = (
    Key(
        "civitai_url",
        "SDREG_CIVITAI_URL",
        _address,
        None,
        "Address of Civitai or of a mirror that answers like it.",
    ),
    Key(
        "hf_endpoint",
        "HF_ENDPOINT",
        _address,
        None,
        "Address of Hugging Face or of a mirror that answers like it.",
    ),
    Key(
        "prefer",
        "SDREG_PREFER",
        _text_of(Precision),
        None,
        "Precision to take first; fp16 unless something else is said.",
    ),
    Key("full", "SDREG_FULL", _flag, default=False, about="Take full weights before pruned ones."),
    Key("format", "SDREG_FORMAT", _text_of(FileFormat), None, "Take only files of this format."),
    Key(
        "allow_pickle",
        "SDREG_ALLOW_PICKLE",
        _flag,
        default=False,
        about="Take pickles even if no hash vouches for their bytes.",
    ),
    Key(
        "connections",
        "SDREG_CONNECTIONS",
        _count(1, 32),
        4,
        "Most connections for one file.",
    ),
    Key(
        "limit_rate",
        "SDREG_LIMIT_RATE",
        amount,
        None,
        "Most bytes a second over all connections, for example 2M.",
    ),
    Key(
        "durable",
        "SDREG_DURABLE",
        _flag,
        default=True,
        about="Wait until the disk has bytes before they get their final name, and every record.",
    ),
    Key(
        "notify.command",
        "SDREG_NOTIFY_COMMAND",
        _command,
        None,
        "Program that is told what an audit found; it gets the JSON on its standard input.",
    ),
    Key(
        "notify.url",
        "SDREG_NOTIFY_URL",
        _secret_addresses,
        None,
        "Addresses of Apprise that are told what an audit found; never shown.",
        is_secret=True,
    ),
)
UI_PREFIX = "ui."
UI_VARIABLE_PREFIX = "SDREG_UI_"


def find_key(name: str) -> Key | None:
    """The setting of this name."""
    return next((key for key in KEYS if key.name == name), None)
