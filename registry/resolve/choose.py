"""Sift the files of a model, rank the rest, and say why.

It never raises: a `Choice` without a file explains itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.variant import FileFormat, Pruning
from registry.resolve.preference import Preference
from registry.taxonomy.lookup import architecture_families, architecture_from_label


class Reason(StrEnum):
    """Why a file was not taken."""

    NOT_ASKED = "not-asked"
    WRONG_ROLE = "wrong-role"
    ARCHIVE = "archive"
    SEVERAL_FILES = "several-files"
    INPAINTING = "inpainting"
    OTHER_BASE = "other-base"
    WRONG_FORMAT = "wrong-format"
    UNSAFE_FORMAT = "unsafe-format"
    TOO_BIG = "too-big"
    NO_SOURCE = "no-source"
    GONE = "gone"
    OUTRANKED = "outranked"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file in its version."""

    version: ModelVersion
    file: ModelFile


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file that was not taken, and why in one sentence."""

    version: ModelVersion
    file: ModelFile
    reason: Reason
    because: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer for one model.

    Attributes:
        model: What was asked about.
        ranked: Files that would do, best first; the first is the choice.
        rejected: Every other file, and every file behind the first, with its reason.
    """

    model: Model
    ranked: tuple[Candidate, ...]
    rejected: tuple[Rejection, ...]

    @property
    def chosen(self) -> Candidate | None:
        """The file to take, None if nothing fits."""
        return self.ranked[0] if self.ranked else None


def choose(model: Model, wish: Preference) -> Choice:
    """Choose the file of `model` that fits `wish` best.

    The catalog's own models are ranked over all their versions. The versions of a hub's model are
    releases: the first one that has any suitable file decides.
    """
    pool = [Candidate(version, file) for version, file in model.files]
    roles = _wanted_roles(model, pool)
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


# ── sift ──────────────────────────────────────────────────────────────────────────────────────────


def sift(
    candidate: Candidate, wish: Preference, roles: frozenset[FileRole], *, base: str | None
) -> Rejection | None:
    """Say why a file is out of the question, or None if it may compete.

    Args:
        candidate: The file in its version.
        wish: What the user would like.
        roles: Roles that count as the model itself.
        base: What the model is made for.
    """
    no = _not_asked(candidate, wish)
    if no is None and wish.file is None:
        no = _not_the_model(candidate.file, roles) or _not_wished(candidate.file, wish)
    if no is None and wish.file is None and wish.version is None:
        no = _not_for_base(candidate.version, base)
    if no is None and not _obtainable(candidate.file):
        no = Reason.NO_SOURCE, "no source of it is known, and no hash to look for one"
    return Rejection(candidate.version, candidate.file, *no) if no else None


_No = tuple[Reason, str]


def _not_asked(candidate: Candidate, wish: Preference) -> _No | None:
    version, file = candidate.version, candidate.file
    if wish.version is not None and not answers_to_version(version, wish.version):
        return Reason.NOT_ASKED, f"it belongs to another version, {version.name}"
    if wish.file is not None and not answers_to_file(file, wish.file):
        return Reason.NOT_ASKED, "another file was asked for"
    return None


def _not_the_model(file: ModelFile, roles: frozenset[FileRole]) -> _No | None:
    if file.variant.format is FileFormat.ZIP or file.role is FileRole.ARCHIVE:
        return Reason.ARCHIVE, "an archive is not a model; unpack it by hand if you trust it"
    if file.variant.format is FileFormat.DIFFUSERS:
        return Reason.SEVERAL_FILES, "it is a folder of many files, not one file"
    if file.role not in roles:
        return Reason.WRONG_ROLE, f"it is {_ROLE_WORDS[file.role]}, not the model itself"
    if file.inpainting:
        return Reason.INPAINTING, "it is made for inpainting; ask for it with --file"
    return None


def _not_for_base(version: ModelVersion, base: str | None) -> _No | None:
    """A page may hold versions for several bases; the catalog says which one the model is for."""
    if base is None or base == "any" or version.base_model is None:
        return None
    made_for = architecture_from_label("civitai", version.base_model)
    if made_for == "unknown":
        return None
    if set(architecture_families(made_for)) & set(architecture_families(base)):
        return None
    because = f"{version.name} is made for {version.base_model}; ask for it with --version"
    return Reason.OTHER_BASE, because


def _not_wished(file: ModelFile, wish: Preference) -> _No | None:
    variant = file.variant
    if wish.format is not None and variant.format is not wish.format:
        return Reason.WRONG_FORMAT, f"it is {variant.format}, and {wish.format} was asked"
    if wish.max_bytes is not None and (file.size_bytes or 0) > wish.max_bytes:
        return Reason.TOO_BIG, f"it has {file.size_bytes} bytes, more than {wish.max_bytes}"
    if variant.format is FileFormat.PICKLE and not (file.hashes.can_prove or wish.allow_pickle):
        return (
            Reason.UNSAFE_FORMAT,
            "a pickle can run code when it is opened, and no known hash vouches for this one",
        )
    return None


_ROLE_WORDS: dict[FileRole, str] = {
    FileRole.WEIGHTS: "the weights",
    FileRole.DIFFUSION_MODEL: "the diffusion model without text encoder and VAE",
    FileRole.TEXT_ENCODER: "a text encoder",
    FileRole.VAE: "a VAE",
    FileRole.NEGATIVE: "the negative twin",
    FileRole.CONFIG: "a configuration",
    FileRole.TRAINING_DATA: "training data",
    FileRole.ARCHIVE: "an archive",
    FileRole.WORKFLOW: "a workflow",
    FileRole.OTHER: "something else",
}
# A stand-in counts as the model only where no file has the first role.
_ROLES_OF_TYPE: dict[str, tuple[frozenset[FileRole], FileRole | None]] = {
    "vae": (frozenset({FileRole.VAE, FileRole.WEIGHTS}), None),
    "text-encoder": (frozenset({FileRole.TEXT_ENCODER, FileRole.WEIGHTS}), None),
    "diffusion-model": (frozenset({FileRole.DIFFUSION_MODEL, FileRole.WEIGHTS}), None),
    "embedding": (frozenset({FileRole.WEIGHTS}), FileRole.NEGATIVE),
    "checkpoint": (frozenset({FileRole.WEIGHTS}), FileRole.DIFFUSION_MODEL),
}
_ANY_WEIGHTS = (frozenset({FileRole.WEIGHTS}), None)


def _wanted_roles(model: Model, pool: Iterable[Candidate]) -> frozenset[FileRole]:
    first, stand_in = _ROLES_OF_TYPE.get(model.type, _ANY_WEIGHTS)
    if stand_in is None or any(candidate.file.role in first for candidate in pool):
        return first
    return frozenset({stand_in})


def _obtainable(file: ModelFile) -> bool:
    return bool(file.sources) or file.hashes.sha256 is not None


def answers_to_version(version: ModelVersion, wanted: str) -> bool:
    """Whether `wanted` is this version's name or id."""
    return wanted.casefold() in {
        version.name.casefold(),
        (version.hub_version_id or version.name).casefold(),
    }


_MIN_HASH_DIGITS = 8


def answers_to_file(file: ModelFile, wanted: str) -> bool:
    """Whether `wanted` is this file's id, name, one of its sources, or the begin of a hash."""
    plain = wanted.strip().casefold()
    names = {file.name.casefold(), *(alias.casefold() for alias in file.aliases)}
    ids = {str(file.id), file.hub_file_id or ""}
    places = {str(source).casefold() for source in file.sources}
    places |= {source.file.casefold() for source in file.sources if source.file}
    if plain in names | ids | places:
        return True
    digits = plain.rpartition(":")[2]
    return len(digits) >= _MIN_HASH_DIGITS and any(
        known.digits.startswith(digits) for known in file.hashes
    )


# ── rank ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Criterion:
    key: Callable[[Candidate, Preference, int], int]
    loses: Callable[[Candidate, Candidate], str]


def _format_words(file: ModelFile) -> str:
    return str(file.variant.format)


def _precision_words(file: ModelFile) -> str:
    return str(file.variant.precision or "an unstated precision")


def _pruning_words(file: ModelFile) -> str:
    return str(file.variant.pruning or "of unstated pruning")


_PRECISION = _Criterion(
    lambda c, w, _p: w.precisions().index(c.file.variant.precision),
    lambda best, c: (
        f"it is {_precision_words(c.file)}, and {_precision_words(best.file)} is preferred"
    ),
)
_PRUNING = _Criterion(
    lambda c, w, _p: _pruning_place(c.file.variant.pruning, w),
    lambda best, c: f"it is {_pruning_words(c.file)}, and {_pruning_words(best.file)} is preferred",
)
# Taste lives here, in this order: smaller keys win, the first that differs decides.
_CRITERIA: tuple[_Criterion, ...] = (
    _Criterion(
        lambda c, _w, _p: not c.file.sources,
        lambda _best, _c: "no source of it is known, only its hash",
    ),
    _Criterion(
        lambda c, _w, _p: c.file.gone_since is not None,
        lambda _best, _c: "it is gone from its hub",
    ),
    _Criterion(
        lambda c, _w, _p: c.file.variant.format is not FileFormat.SAFETENSORS,
        lambda best, c: f"it is {_format_words(c.file)}; {_format_words(best.file)} is safer",
    ),
    _PRECISION,
    _PRUNING,
    _Criterion(
        lambda c, _w, _p: not c.file.hashes.can_prove,
        lambda _best, _c: "no hash of it is known that could prove it",
    ),
    _Criterion(
        lambda _c, _w, place: place,
        lambda best, _c: f"{best.version.name} comes before its version",
    ),
    _Criterion(
        lambda c, _w, _p: c.file.size_bytes if c.file.size_bytes is not None else 1 << 62,
        lambda _best, _c: "it is larger",
    ),
    _Criterion(
        lambda c, _w, _p: not c.file.is_primary,
        lambda _best, _c: "its hub names the other one as the main file",
    ),
    _Criterion(lambda c, _w, _p: c.file.id or 0, lambda _best, _c: "the other one comes first"),
)


def _pruning_place(pruning: Pruning | None, wish: Preference) -> int:
    place = wish.prunings().index(pruning)
    # Pruned and EMA-only serve equally well: their order does not decide.
    return 0 if not wish.full and pruning is Pruning.EMA_ONLY else place


def _criteria(model_type: str, wish: Preference) -> tuple[_Criterion, ...]:
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
        criterion.key(candidate, wish, version_place) for criterion in _criteria(model_type, wish)
    )


def _first_difference(model: Model, best: Candidate, other: Candidate, wish: Preference) -> str:
    if _are_releases(model) and best.version is not other.version:
        return f"{best.version.name} is the newer release"
    places = (0, 0 if best.version is other.version else 1)
    ours = rank(best, wish, places[0], model.type)
    theirs = rank(other, wish, places[1], model.type)
    for criterion, mine, its in zip(_criteria(model.type, wish), ours, theirs, strict=True):
        if mine != its:
            return criterion.loses(best, other)
    return "it is as good, but comes later"
