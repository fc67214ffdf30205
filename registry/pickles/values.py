"""What the inert reader makes of a pickle: descriptions, never the things themselves.

Dictionaries, lists, tuples and plain values are Python's own. Sets are lists here: whatever they
hold need not be hashable.
"""

from dataclasses import dataclass, field
from typing import Final

from registry.pickles.policy import MAX_KEY, Code


class Refused(Exception):
    """Something that the policy does not allow; told to the findings where it was met."""

    def __init__(self, code: Code, name: str | None = None) -> None:
        super().__init__(code, name)
        self.code = code
        self.name = name


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that the pickle names. Nobody looks whether it exists."""

    full: str


@dataclass(eq=False, slots=True)
class Record:
    """An object of which only its class's name, its arguments and its attributes are known."""

    name: str
    arguments: tuple[object, ...] = ()
    items: dict[object, object] = field(default_factory=dict)
    state: object = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers that tensors look into.

    Attributes:
        key: What the container calls it.
        dtype: Of its elements.
        count: How many elements.
        begin: Its first element, counted from where the container's bytes begin: another number
            than 0 only for a view of the legacy format.
    """

    key: str
    dtype: str
    count: int
    begin: int = 0


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view into a storage; the fields are those of `StoredTensor`."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Unknown:
    """Stands for whatever was refused, so that reading can go on and find more."""


UNKNOWN: Final = Unknown()

_MAX_KEY_PARTS = 16
_PLAIN = (str, int, float, bytes, bool, type(None), Name)


def usable_key(key: object) -> object:
    """The key, if a dictionary can hold it at a bounded price.

    Raises:
        Refused: It can not, or only an attacker would want it to.
    """
    parts = key if isinstance(key, tuple) else (key,)
    # A tuple of tuples can take for ever to hash, or be deeper than the interpreter's stack.
    if len(parts) > _MAX_KEY_PARTS or not all(isinstance(part, _PLAIN) for part in parts):
        raise Refused(Code.MALFORMED_PICKLE, f"a {type(key).__name__} is used as a key")
    if any(isinstance(part, int) and abs(part) > MAX_KEY for part in parts):
        raise Refused(Code.OVER_LIMIT, "a key of many digits")
    return key
