"""Sift out what is no candidate, and say why."""

from collections.abc import Iterable

from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.variant import FileFormat
from registry.resolve.candidate import Candidate, Reason, Rejection
from registry.resolve.preference import Preference
from registry.taxonomy.lookup import architecture_families, architecture_from_label


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


def wanted_roles(model: Model, pool: Iterable[Candidate]) -> frozenset[FileRole]:
    """Roles that count as the model itself, for its type and what there is."""
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
