"""What training leaves in a file that nobody needs to paint. Pure.

Averaged copies of the weights, and the state of the optimiser.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.convert.naming import Named
from registry.errors import CannotConvert

_TRAINING = (
    "optimizer_states.",
    "optimizer.",
    "optimizers.",
    "lr_schedulers.",
    "lr_scheduler.",
    "callbacks.",
    "loops.",
    "scaler.",
    "amp_scaling_state.",
)
_WEIGHTS, _AVERAGES = "model.", "model_ema."
_OF_THE_AVERAGING = frozenset({"model_ema.decay", "model_ema.num_updates"})
# The trained weights of an upscaler whose averaged ones stand beside them, already unwrapped.
_TRAINED_TWIN = "params."


@dataclass(frozen=True, slots=True)
class Dropped:
    """A tensor that the output does not have."""

    name: str
    because: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """A tensor whose values another one gave."""

    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is left, what is not, and what took another one's place."""

    kept: tuple[Named, ...]
    dropped: tuple[Dropped, ...]
    replaced: tuple[Replaced, ...] = ()


def prune(tensors: Sequence[Named], *, take_averages: bool, file: str) -> Pruned:
    """Leave out what only training needs.

    Args:
        tensors: Everything that the file holds.
        take_averages: Let the averaged weights take the place of the trained ones.
        file: What to call the file in an error.

    Raises:
        CannotConvert: The averaged weights are wished for, and there are none.
    """
    shapes = {each.name: each.tensor.shape for each in tensors}
    averages = _averages(tensors)
    if take_averages and not averages:
        raise CannotConvert(
            file, "it holds no averaged weights (EMA)", "Convert it without `--ema`."
        )
    average_names = {each.name for each in averages.values()}
    kept: list[Named] = []
    dropped: list[Dropped] = []
    replaced: list[Replaced] = []
    for each in tensors:
        twin = each.name.removeprefix(_TRAINED_TWIN)
        if each.name.startswith(_TRAINING):
            dropped.append(Dropped(each.name, "state of the training"))
        elif each.name in _OF_THE_AVERAGING:
            dropped.append(Dropped(each.name, "a number of the averaging"))
        elif twin != each.name and shapes.get(twin) == each.tensor.shape:
            dropped.append(Dropped(each.name, f"trained twin of the averaged {twin}"))
        elif each.name in average_names:
            if not take_averages:
                dropped.append(Dropped(each.name, "averaged copy (EMA) of trained weights"))
        elif take_averages and each.name in averages:
            kept.append(Named(each.name, averages[each.name].tensor))
            replaced.append(Replaced(each.name, f"its averaged copy {averages[each.name].name}"))
        else:
            kept.append(each)
    return Pruned(tuple(kept), tuple(dropped), tuple(replaced))


def _averages(tensors: Sequence[Named]) -> dict[str, Named]:
    """Name of a trained weight to its averaged copy.

    The averages of a network `model` are named after its weights without their dots
    (CompVis/stable-diffusion, ldm/modules/ema.py).
    """
    copies = {each.name: each for each in tensors if each.name.startswith(_AVERAGES)}
    found = {}
    for each in tensors:
        if not each.name.startswith(_WEIGHTS):
            continue
        copy = copies.get(_AVERAGES + each.name.removeprefix(_WEIGHTS).replace(".", ""))
        if copy is not None and copy.tensor.shape == each.tensor.shape:
            found[each.name] = copy
    return found
