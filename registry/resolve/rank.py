"""Rank what is left: taste, in one place and in words."""

from collections.abc import Callable
from dataclasses import dataclass

from registry.domain.model import ModelFile
from registry.domain.variant import FileFormat, Pruning
from registry.resolve.candidate import Candidate
from registry.resolve.preference import Preference


@dataclass(frozen=True, slots=True)
class Criterion:
    """One point of comparison.

    Attributes:
        key: Number of a candidate; smaller is better.
        loses: Why the second candidate loses to the first on this point.
    """

    key: Callable[[Candidate, Preference, int], int]
    loses: Callable[[Candidate, Candidate], str]


def _format_words(file: ModelFile) -> str:
    return str(file.variant.format)


def _precision_words(file: ModelFile) -> str:
    return str(file.variant.precision or "an unstated precision")


def _pruning_words(file: ModelFile) -> str:
    return str(file.variant.pruning or "of unstated pruning")


_PRECISION = Criterion(
    lambda c, w, _p: w.precisions().index(c.file.variant.precision),
    lambda best, c: (
        f"it is {_precision_words(c.file)}, and {_precision_words(best.file)} is preferred"
    ),
)
_PRUNING = Criterion(
    lambda c, w, _p: _pruning_place(c.file.variant.pruning, w),
    lambda best, c: f"it is {_pruning_words(c.file)}, and {_pruning_words(best.file)} is preferred",
)
# Taste lives here, in this order: smaller keys win, the first that differs decides.
_CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        lambda c, _w, _p: not c.file.sources,
        lambda _best, _c: "no source of it is known, only its hash",
    ),
    Criterion(
        lambda c, _w, _p: c.file.gone_since is not None,
        lambda _best, _c: "it is gone from its hub",
    ),
    Criterion(
        lambda c, _w, _p: c.file.variant.format is not FileFormat.SAFETENSORS,
        lambda best, c: f"it is {_format_words(c.file)}; {_format_words(best.file)} is safer",
    ),
    _PRECISION,
    _PRUNING,
    Criterion(
        lambda c, _w, _p: not c.file.hashes.can_prove,
        lambda _best, _c: "no hash of it is known that could prove it",
    ),
    Criterion(
        lambda _c, _w, place: place,
        lambda best, _c: f"{best.version.name} comes before its version",
    ),
    Criterion(
        lambda c, _w, _p: c.file.size_bytes if c.file.size_bytes is not None else 1 << 62,
        lambda _best, _c: "it is larger",
    ),
    Criterion(
        lambda c, _w, _p: not c.file.is_primary,
        lambda _best, _c: "its hub names the other one as the main file",
    ),
    Criterion(lambda c, _w, _p: c.file.id or 0, lambda _best, _c: "the other one comes first"),
)


def _pruning_place(pruning: Pruning | None, wish: Preference) -> int:
    place = wish.prunings().index(pruning)
    # Pruned and EMA-only serve equally well: their order does not decide.
    return 0 if not wish.full and pruning is Pruning.EMA_ONLY else place


def criteria(model_type: str, wish: Preference) -> tuple[Criterion, ...]:
    """The criteria in their order.

    Hubs call every file full or pruned, but the words mean something only where training leaves
    ballast. `--full` was said by the user, a default precision was not: it decides first.
    """
    order = list(_CRITERIA)
    if model_type not in PRUNED_TYPES:
        order.remove(_PRUNING)
    elif wish.full:
        order.remove(_PRUNING)
        order.insert(order.index(_PRECISION), _PRUNING)
    return tuple(order)


PRUNED_TYPES = frozenset({"checkpoint", "diffusion-model"})


def rank(
    candidate: Candidate, wish: Preference, version_place: int, model_type: str
) -> tuple[int, ...]:
    """Sort key; smaller is better.

    1. a known source before none; 2. not gone before gone;
    3. safetensors before pickle, whatever else the file offers;
    4. the wished precision: fp16, bf16, unstated, fp32, then quantised ones;
    5. pruned or EMA-only before unstated before full (`--full` turns it round, and then it
       comes before the precision);
    6. a known hash before none;
    7. the version that stands first;
    8. smaller before larger; 9. the hub's primary file; 10. the older row.
    """
    return tuple(
        criterion.key(candidate, wish, version_place) for criterion in criteria(model_type, wish)
    )
