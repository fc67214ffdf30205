"""Sift the files of a model, rank the rest, and say why.

It never raises: a `Choice` without a file explains itself.
"""

from registry.domain.model import Model
from registry.resolve.candidate import Candidate, Choice, Reason, Rejection
from registry.resolve.preference import Preference
from registry.resolve.rank import criteria, rank
from registry.resolve.sift import sift, wanted_roles


def choose(model: Model, wish: Preference) -> Choice:
    """Choose the file of `model` that fits `wish` best.

    The catalog's own models are ranked over all their versions. The versions of a hub's model are
    releases: the first one that has any suitable file decides.
    """
    pool = [Candidate(version, file) for version, file in model.files]
    roles = wanted_roles(model, pool)
    rejected: list[Rejection] = []
    fit: list[tuple[int, Candidate]] = []
    order = {id(version): place for place, version in enumerate(model.versions)}
    for candidate in pool:
        found = sift(candidate, wish, roles, base=model.base)
        if found:
            rejected.append(found)
        else:
            fit.append((order[id(candidate.version)], candidate))
    releases = _are_releases(model)
    fit.sort(
        key=lambda entry: (entry[0] if releases else 0, rank(entry[1], wish, entry[0], model.type))
    )
    ranked = tuple(candidate for _, candidate in fit)
    for candidate in ranked[1:]:
        because = _first_difference(model, ranked[0], candidate, wish)
        rejected.append(Rejection(candidate.version, candidate.file, Reason.OUTRANKED, because))
    return Choice(model, ranked, tuple(rejected))


def _are_releases(model: Model) -> bool:
    return model.origin not in {"seed", "user"}


def _first_difference(model: Model, best: Candidate, other: Candidate, wish: Preference) -> str:
    if _are_releases(model) and best.version is not other.version:
        return f"{best.version.name} is the newer release"
    places = (0, 0 if best.version is other.version else 1)
    ours = rank(best, wish, places[0], model.type)
    theirs = rank(other, wish, places[1], model.type)
    for criterion, mine, its in zip(criteria(model.type, wish), ours, theirs, strict=True):
        if mine != its:
            return criterion.loses(best, other)
    return "it is as good, but comes later"
