"""What the tensors of a file are called: from the keys of a torch file to names that UIs read.

Pure. Nothing is renamed in silence: every rule that was used is told, with how often.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.domain.tensors import Key, StoredTensor
from registry.errors import CannotConvert

EMBEDDING = "emb_params"
"""What UIs call the vectors of a textual inversion in a safetensors file."""

# Trainers put the weights into a dictionary beside other things. `params_ema` stands before
# `params`, because the programs that run upscalers take it first.
_WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "params_ema",
    "params-ema",
    "params",
    "model",
    "net",
)
_VECTORS = "string_to_param"
# What training on several cards or with a compiler puts before every name.
_WRAPPED_NAMES = ("module.", "_orig_mod.")
# Early programs left out `text_model`; A1111 puts it back when it loads such a file
# (modules/sd_models.py, checkpoint_dict_replacements).
_TEXT_ENCODER = "cond_stage_model.transformer."
_BEGINNINGS = tuple(
    (f"{_TEXT_ENCODER}{part}", f"{_TEXT_ENCODER}text_model.{part}")
    for part in ("embeddings.", "encoder.", "final_layer_norm.")
)


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor and what it is called in the output."""

    name: str
    tensor: StoredTensor


@dataclass(frozen=True, slots=True)
class Renamed:
    """One rule that changed names.

    Attributes:
        before: What the names began with.
        after: What they begin with now.
        count: How many tensors it changed.
    """

    before: str
    after: str
    count: int


def named(
    tensors: Iterable[StoredTensor], *, file: str
) -> tuple[tuple[Named, ...], tuple[Renamed, ...]]:
    """Give every tensor its name.

    Raises:
        CannotConvert: Two would have one name, or one has a name that no header can hold.
    """
    used: Counter[tuple[str, str]] = Counter()
    found = [Named(_joined(path), tensor) for path, tensor in _unwrapped(list(tensors), used)]
    found = _without_common_begin(found, used)
    found = [_with_text_model(each, used) for each in found]
    _check(found, file)
    rules = tuple(Renamed(before, after, count) for (before, after), count in used.items())
    return tuple(found), rules


_Paths = list[tuple[tuple[Key, ...], StoredTensor]]


def _unwrapped(tensors: list[StoredTensor], used: Counter[tuple[str, str]]) -> _Paths:
    """The paths below the dictionary that holds the weights; others stay whole."""
    vectors = [tensor for tensor in tensors if _VECTORS in tensor.path]
    if vectors:
        return list(_vectors(vectors, tensors, used))
    paths: _Paths = [(tensor.path, tensor) for tensor in tensors]
    outside: _Paths = []
    while wrapper := _wrapper_of(paths):
        outside = [*outside, *(each for each in paths if not _is_in(each[0], wrapper))]
        paths = [(path[1:], tensor) for path, tensor in paths if _is_in(path, wrapper)]
        used[f"{wrapper}.", ""] += len(paths)
    return [*paths, *outside]


def _wrapper_of(paths: _Paths) -> str | None:
    return next((word for word in _WRAPPERS if any(_is_in(path, word) for path, _ in paths)), None)


def _is_in(path: tuple[Key, ...], wrapper: str) -> bool:
    return len(path) > 1 and path[0] == wrapper


def _vectors(
    vectors: list[StoredTensor], tensors: list[StoredTensor], used: Counter[tuple[str, str]]
) -> Iterator[tuple[tuple[Key, ...], StoredTensor]]:
    """The one word of a textual inversion as UIs call it; several keep their words."""
    for tensor in tensors:
        if tensor not in vectors:
            yield tensor.path, tensor
            continue
        word = tensor.path[-1]
        name = EMBEDDING if len(vectors) == 1 else str(word)
        used[_joined(tensor.path), name] += 1
        yield (name,), tensor


def _joined(path: tuple[Key, ...]) -> str:
    return ".".join(str(key) for key in path)


def _without_common_begin(found: list[Named], used: Counter[tuple[str, str]]) -> list[Named]:
    for begin in _WRAPPED_NAMES:
        if found and all(each.name.startswith(begin) and each.name != begin for each in found):
            used[begin, ""] += len(found)
            found = [Named(each.name.removeprefix(begin), each.tensor) for each in found]
    return found


def _with_text_model(each: Named, used: Counter[tuple[str, str]]) -> Named:
    for before, after in _BEGINNINGS:
        if each.name.startswith(before):
            used[before, after] += 1
            return Named(after + each.name.removeprefix(before), each.tensor)
    return each


def _check(found: list[Named], file: str) -> None:
    seen: set[str] = set()
    for each in found:
        if each.name in seen:
            raise CannotConvert(file, f"two of its tensors would be called {each.name!a}")
        seen.add(each.name)
        if each.name == "__metadata__":
            raise CannotConvert(file, "a tensor has the name that is kept for the metadata")
        if _has_half_a_character(each.name):
            raise CannotConvert(file, f"the name {each.name!a} holds half a character")


def _has_half_a_character(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
