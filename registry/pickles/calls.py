"""What the allowed calls come to, worked out from their arguments. Nothing is called.

torch/_utils.py, torch/_tensor.py and torch/serialization.py say what the originals do.
"""

import math
import struct
from collections.abc import Callable

from registry.pickles.policy import (
    CALLED,
    DTYPES,
    ELEMENT_BYTES,
    MAX_COUNT,
    MAX_SIDES,
    Code,
)
from registry.pickles.values import Name, Record, Refused, Storage, Tensor, usable_key

Arguments = tuple[object, ...]


def outcome(name: str, arguments: Arguments) -> object:
    """What calling this would give.

    Args:
        name: One of the policy's `CALLED`.
        arguments: As the pickle holds them.

    Raises:
        Refused: Not with these arguments.
    """
    made = _CALLS[name](arguments) if name in _CALLS else Record(name, arguments)
    if made is None:
        raise Refused(Code.FORBIDDEN_CALL, name)
    return made


# ── Python's own ──────────────────────────────────────────────────────────────────────────────────


def _dictionary(arguments: Arguments) -> dict[object, object] | None:
    match arguments:
        case () | (None,):
            return {}
        case (dict() as given,):
            return dict(given)
        case (list() | tuple() as pairs,):
            if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - pairs
                return None
            return {usable_key(key): value for key, value in pairs}
    return None


def _default_dictionary(arguments: Arguments) -> dict[object, object] | None:
    match arguments:
        case (Name() | None, *rest):
            return _dictionary(tuple(rest))
    return _dictionary(arguments)


def _list(arguments: Arguments) -> list[object] | None:
    match arguments:
        case ():
            return []
        case (list() | tuple() as items,):
            return list(items)
    return None


def _tuple(arguments: Arguments) -> tuple[object, ...] | None:
    items = _list(arguments)
    return None if items is None else tuple(items)


def _bytes(arguments: Arguments) -> bytes | None:
    match arguments:
        case ():
            return b""
        case (bytes() as content,):
            return content
        case (str() as text, "latin-1" | "latin1"):
            return _encoded((text, "latin1"))
    return None


def _encoded(arguments: Arguments) -> bytes | None:
    """Bytes, as pickles for Python 2 write them: as a text in Latin-1."""
    match arguments:
        case (str() as text, "latin1" | "latin-1"):
            try:
                return text.encode("latin-1")
            except UnicodeEncodeError:
                return None
    return None


def _shell(arguments: Arguments) -> Record | None:
    match arguments:
        case (Name() as kind, Name("builtins.object"), None):
            return Record(kind.full)
    return None


# ── torch ─────────────────────────────────────────────────────────────────────────────────────────


def _first_tensor(arguments: Arguments) -> Tensor | None:
    """A parameter is its tensor; whether it wants gradients is no business of a file's."""
    match arguments:
        case (Tensor() as tensor, *_):
            return tensor
    return None


def _tensor(arguments: Arguments) -> Tensor | None:
    match arguments:
        case (Storage() as storage, int() as offset, tuple() as shape, tuple() as strides, *rest):
            # (requires_grad, backward_hooks, metadata): the last says that the values must be
            # turned round when they are read.
            if any(rest[2:]):
                raise Refused(Code.NOT_REPRESENTABLE, "conjugate or negated views")
            return _view(storage, storage.dtype, offset, shape, strides)
    return None


def _tensor_of_dtype(arguments: Arguments) -> Tensor | None:
    match arguments:
        case (
            Storage() as storage,
            int() as offset,
            tuple() as shape,
            tuple() as strides,
            _,
            _,
            Name() as kind,
            *rest,
        ) if kind.full in DTYPES:
            if any(rest):
                raise Refused(Code.NOT_REPRESENTABLE, "conjugate or negated views")
            return _view(storage, DTYPES[kind.full], offset, shape, strides)
    return None


def _view(
    storage: Storage,
    dtype: str,
    offset: int,
    shape: tuple[object, ...],
    strides: tuple[object, ...],
) -> Tensor | None:
    sides, steps = _counts(shape), _counts(strides)
    if sides is None or steps is None or len(sides) != len(steps) or len(sides) > MAX_SIDES:
        return None
    if not 0 <= offset <= MAX_COUNT:
        raise Refused(Code.OUTSIDE_STORAGE, f"it begins at element {offset:,}")
    if math.prod(side for side in sides if side) > MAX_COUNT:
        raise Refused(Code.OVER_LIMIT, "a tensor with more elements than any file")
    if 0 in sides:
        return Tensor(storage, dtype, 0, sides, steps)
    last = offset + sum((side - 1) * step for side, step in zip(sides, steps, strict=True))
    needed = (last + 1) * ELEMENT_BYTES[dtype]
    there = storage.count * ELEMENT_BYTES[storage.dtype]
    if needed > there:
        raise Refused(Code.OUTSIDE_STORAGE, f"it needs {needed:,} bytes of {there:,}")
    return Tensor(storage, dtype, offset, sides, steps)


def _counts(numbers: tuple[object, ...]) -> tuple[int, ...] | None:
    found = tuple(number for number in numbers if type(number) is int and 0 <= number <= MAX_COUNT)
    return found if len(found) == len(numbers) else None


def _rebuilt(arguments: Arguments) -> Tensor | None:
    """A tensor with a class or attributes of its own, which are left out."""
    match arguments:
        case (Name() as function, Name(), tuple() as inner, *_) if function.full in _REBUILDERS:
            tensor = outcome(function.full, inner)
            return tensor if isinstance(tensor, Tensor) else None
    return None


def _version(arguments: Arguments) -> str | None:
    match arguments:
        case (str() as text,):
            return text
    return None


# ── numpy ─────────────────────────────────────────────────────────────────────────────────────────

_NUMBERS = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
_NUMBERS |= {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "b1": "?"}


def _scalar(arguments: Arguments) -> object:
    match arguments:
        case (Record("numpy.dtype", (str() as kind, *_)), bytes() as content):
            letter = _NUMBERS.get(kind.lstrip("<|="))
            if letter and len(content) == struct.calcsize(f"<{letter}"):
                return struct.unpack(f"<{letter}", content)[0]
    return Record("numpy.scalar", arguments)


_CALLS: dict[str, Callable[[Arguments], object]] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _default_dictionary,
    "collections.Counter": _dictionary,
    "builtins.dict": _dictionary,
    "builtins.list": _list,
    "builtins.set": _list,
    "builtins.frozenset": _list,
    "builtins.tuple": _tuple,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "_codecs.encode": _encoded,
    "copyreg._reconstructor": _shell,
    "torch.Size": _tuple,
    "torch.torch_version.TorchVersion": _version,
    "torch.serialization._get_layout": _version,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _first_tensor,
    "torch._utils._rebuild_parameter_with_state": _first_tensor,
    "torch.nn.parameter.Parameter": _first_tensor,
    "torch.nn.parameter.Buffer": _first_tensor,
    "torch._tensor._rebuild_from_type": _rebuilt,
    "torch._tensor._rebuild_from_type_v2": _rebuilt,
    **{name: _scalar for name in CALLED if name.endswith(".scalar")},
}
_REBUILDERS = frozenset(name for name in _CALLS if name.startswith("torch._utils._rebuild_"))
