"""What a file is, compared with what its hub said; the catalog learns from the file.

A contradiction is told and kept, never a reason to refuse: the bytes are the ones that were
published. Where the header knows better than the uploader, the catalog believes the header.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.model import FileRole, Model, ModelFile
from registry.domain.variant import FileFormat
from registry.errors import FormatError
from registry.formats.readable import readable
from registry.operations.look import look
from registry.operations.rooms import Rooms
from registry.taxonomy.claims import Claim, Contradiction, contradictions
from registry.taxonomy.lookup import find_architecture

_SAYS = "published as"
# A companion is of another type than the model that it belongs to.
_TYPES_OF_ROLES = {
    FileRole.VAE: "vae",
    FileRole.TEXT_ENCODER: "text-encoder",
    FileRole.DIFFUSION_MODEL: "diffusion-model",
    FileRole.NEGATIVE: "embedding",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison came to.

    Attributes:
        file: The file as the catalog knows it now.
        contradictions: What its hub said and what is not so.
    """

    file: ModelFile
    contradictions: tuple[Contradiction, ...] = ()


def claim_of(model: Model, file: ModelFile) -> Claim:
    """What the catalog was told about one file of a model."""
    if file.role is FileRole.WEIGHTS:
        kind: str | None = model.type
    else:
        kind = _TYPES_OF_ROLES.get(file.role)
    is_the_model = file.role in {FileRole.WEIGHTS, FileRole.DIFFUSION_MODEL}
    return Claim(
        by=_SAYS,
        variant=file.variant,
        model_type=kind,
        base=_base(model, file) if is_the_model else None,
        inpainting=file.inpainting,
        prediction=model.prediction_type if is_the_model else None,
    )


def _base(model: Model, file: ModelFile) -> str | None:
    """What the file's own version is made for, where its hub says that, else the whole model."""
    versions = (version for version, each in model.files if each.id == file.id)
    version = next(versions, None)
    if file.id is not None and version is not None and version.base_model is not None:
        said = find_architecture(version.base_model)
        if said is not None:
            return said
    return model.base


def learn_from_file(
    model: Model, file: ModelFile, path: Path, rooms: Rooms, *, arrived_as: FileFormat
) -> Compared:
    """Compare a file that arrived with what was said about it, and have the catalog learn.

    Args:
        model: The model that it belongs to.
        file: What was said about it.
        path: Where it lies now, or what was made of it with the same tensors.
        rooms: The opened rooms.
        arrived_as: The format that it arrived in.
    """
    try:
        with readable(path) as source:
            seen = look(source, path=path)
    except FormatError:
        return Compared(file)  # the very bytes that were published; the install says what they are
    wrong = contradictions(claim_of(model, file), seen.identity, arrived_as)
    precision = seen.identity.precision
    known = replace(
        file, variant=replace(file.variant, precision=precision or file.variant.precision)
    )
    if file.id is not None and (wrong or known != file):
        rooms.catalog.models.learn_content(
            file.id, precision=precision, contradictions=tuple(map(str, wrong))
        )
    return Compared(known, wrong)
