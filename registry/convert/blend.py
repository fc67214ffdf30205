"""Decide what a merged file will hold, tensor by tensor, as A1111's checkpoint merger does. Pure.

The rules are those of its `run_modelmerger` (modules/extras.py); two differences are ours:
whole numbers are never blended, and the arithmetic is fp32 whatever the inputs are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from registry.convert.casting import Floats, is_float
from registry.convert.naming import Named, Renamed, named
from registry.convert.plan import DTYPES
from registry.convert.weight_file import WeightFile
from registry.domain.tensors import StoredTensor
from registry.domain.variant import Precision
from registry.errors import CannotMerge

_NEVER_BLENDED = frozenset({"cond_stage_model.transformer.text_model.embeddings.position_ids"})
_ONLY_WITH = "model"  # what has not this word in its name is the first model's
_PLAIN, _INPAINTING, _EDITING = 4, 9, 8
_FIRST, _SECOND, _THIRD = 0, 1, 2


class Method(StrEnum):
    """How two or three models become one."""

    WEIGHTED_SUM = "weighted-sum"
    ADD_DIFFERENCE = "add-difference"

    @property
    def shown(self) -> str:
        """What A1111 calls it, on its page and in `sd_merge_recipe`."""
        return self.value.replace("-", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to merge.

    Attributes:
        multiplier: Weight of the second model, or of the difference.
        precision: Of the result; None keeps what the inputs have.
    """

    method: Method
    multiplier: float
    precision: Precision | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """One tensor of the result.

    Attributes:
        parts: The tensors of the models that it is computed from, in their order; one alone is
            kept as it is.
        channels: How many input channels are blended, where the first model has more.
    """

    name: str
    dtype: str
    parts: tuple[StoredTensor, ...]
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class MergePlan:
    """The result, and what of the models it does not blend.

    Attributes:
        kept: Names that are the first model's alone.
        dropped: Names that only another model has.
        inpainting: The result reads a mask: some layer had nine channels against four.
        editing: The result edits pictures: eight channels against four.
    """

    mixes: tuple[Mix, ...]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    renamed: tuple[Renamed, ...]
    inpainting: bool
    editing: bool

    @property
    def merged(self) -> int:
        """How many tensors are blended."""
        return sum(len(mix.parts) > 1 for mix in self.mixes)


def plan_merge(files: Sequence[WeightFile], recipe: Recipe) -> MergePlan:
    """Decide for every tensor which models it comes from.

    Raises:
        CannotMerge: They do not fit each other.
        CannotConvert: One of them has names that cannot be written.
    """
    models: list[dict[str, Named]] = []
    renamed: list[Renamed] = []
    for file in files:
        tensors, rules = named(file.tree.tensors, file=file.path.name)
        models.append({each.name: each for each in tensors})
        renamed += rules
    names = tuple(file.path.name for file in files)
    mixes = tuple(_mix(name, models, recipe, names) for name in models[_FIRST])
    if not any(len(mix.parts) > 1 for mix in mixes):
        because = "no weight of the one has its counterpart in the other"
        raise CannotMerge(names[_FIRST], names[_SECOND], because)
    others = dict.fromkeys(name for model in models[1:] for name in model)
    inputs = [mix.parts[_FIRST].shape[1] for mix in mixes if mix.channels]
    return MergePlan(
        mixes=mixes,
        kept=tuple(mix.name for mix in mixes if len(mix.parts) == 1),
        dropped=tuple(name for name in others if name not in models[_FIRST]),
        renamed=tuple(renamed),
        inpainting=_INPAINTING in inputs,
        editing=_EDITING in inputs,
    )


def _mix(
    name: str, models: Sequence[dict[str, Named]], recipe: Recipe, names: tuple[str, ...]
) -> Mix:
    own = models[_FIRST][name].tensor
    parts = tuple(model[name].tensor for model in models if name in model)
    # A difference to what the third model does not have counts as none, as in A1111.
    blended = (
        _ONLY_WITH in name
        and name not in _NEVER_BLENDED
        and len(parts) == len(models)
        and not any(part.dtype.startswith(("I", "U", "BOOL")) for part in parts)
    )
    if not blended:
        return Mix(name, _result([own], recipe), (own,))
    if strange := next((part.dtype for part in parts if not is_float(part.dtype)), None):
        because = f"{name} has the format {strange}, which cannot be blended"
        raise CannotMerge(names[_FIRST], names[_SECOND], because)
    return Mix(name, _result(parts, recipe), parts, _channels(name, parts, names))


def _channels(name: str, parts: Sequence[StoredTensor], names: tuple[str, ...]) -> int | None:
    """How many channels are blended where only the first model reads more; None for all."""
    own, *others = (part.shape for part in parts)
    for other, file in zip(others[1:], names[2:], strict=True):
        if other != others[0]:
            because = f"{name} has the shape {others[0]} in the one and {other} in the other"
            raise CannotMerge(names[_SECOND], file, because)
    other = others[0]
    if own == other:
        return None
    alike = own[0:1] + own[2:] == other[0:1] + other[2:] and len(own) > 1 and len(other) > 1
    if alike and own[1] in {_INPAINTING, _EDITING} and other[1] == _PLAIN:
        return _PLAIN
    because = f"{name} has the shape {own} in the one and {other} in the other"
    if alike and own[1] == _PLAIN and other[1] in {_INPAINTING, _EDITING}:
        kind = "inpainting" if other[1] == _INPAINTING else "editing"
        because = f"the {kind} model must be named first"
    raise CannotMerge(names[_FIRST], names[_SECOND], because)


def _result(parts: Sequence[StoredTensor], recipe: Recipe) -> str:
    """The format of the result: the wished one, else the one that holds all inputs."""
    dtypes = {part.dtype for part in parts}
    if recipe.precision is not None and all(map(is_float, dtypes)):
        return DTYPES[recipe.precision]
    return dtypes.pop() if len(dtypes) == 1 and dtypes != {"F64"} else "F32"


def blend(recipe: Recipe, first: Floats, second: Floats, third: Floats | None) -> Floats:
    """Compute some elements, with the operations and in the order of A1111, in fp32."""
    weight = np.float32(recipe.multiplier)
    if third is not None:
        difference = second - third
        difference *= weight
        difference += first
        return difference
    total = first * np.float32(1 - recipe.multiplier)
    total += second * weight
    return total
