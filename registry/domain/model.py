"""A published model, its versions and their files, as a hub or a catalog describes them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from registry.domain.hashes import Hashes
from registry.domain.source import Source
from registry.domain.variant import Variant


class FileRole(StrEnum):
    """What a file of a version is for."""

    WEIGHTS = "weights"  # the model itself
    DIFFUSION_MODEL = "diffusion-model"  # a checkpoint's UNet or transformer alone
    TEXT_ENCODER = "text-encoder"
    VAE = "vae"
    NEGATIVE = "negative"  # the negative twin of an embedding
    CONFIG = "config"
    TRAINING_DATA = "training-data"
    ARCHIVE = "archive"
    WORKFLOW = "workflow"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One downloadable file of a version.

    Attributes:
        name: The publisher's file name; never used as a path as it is.
        role: What it is for.
        variant: Format, precision, pruning.
        size_bytes: Exact length, None if only a rounded one is known.
        hashes: Known hashes.
        sources: Where it can be had, best first.
        id: Number of the catalog's row; None for a file that the catalog does not hold.
        hub_file_id: The hub's own id of the file, if it has one.
        is_primary: Whether the hub names it the main file of its version.
        inpainting: A variant for inpainting: not what somebody wants who does not ask for it.
        aliases: Other names that the same bytes go by.
        detail: The publisher's own words about the variant, if they say more.
        gated: Why the file needs more than a click at its hub, if it does.
        needs_token: Why Civitai may ask for a login, if it does.
        confidence: How surely the catalog knows this row: ``seen``, ``seen-twice``, ``recalled``.
        gone_since: When it was first seen missing from all its sources.
        note: Anything else worth knowing.
        contradictions: What its hub said and the file itself showed to be wrong, in sentences.
    """

    name: str
    role: FileRole
    variant: Variant
    size_bytes: int | None = None
    hashes: Hashes = field(default_factory=Hashes)
    sources: tuple[Source, ...] = ()
    id: int | None = None
    hub_file_id: str | None = None
    is_primary: bool = False
    inpainting: bool = False
    aliases: tuple[str, ...] = ()
    detail: str | None = None
    gated: str | None = None
    needs_token: str | None = None
    confidence: str | None = None
    gone_since: datetime | None = None
    note: str | None = None
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One release of a model; immutable once seen.

    Attributes:
        name: What the publisher calls it.
        files: Its files.
        hub_version_id: The hub's own id of the version, if it has one.
        base_model: Lineage as the hub says it, for example ``SD 1.5`` or ``Pony``.
        trigger_words: Words that this version was trained on.
        confidence: As in `ModelFile`.
        gone_since: When the hub was first seen without it.
    """

    name: str
    files: tuple[ModelFile, ...] = ()
    hub_version_id: str | None = None
    base_model: str | None = None
    trigger_words: tuple[str, ...] = ()
    confidence: str | None = None
    gone_since: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ClipSkip:
    """A recommended CLIP skip and where it was learned.

    Attributes:
        value: In A1111's numbering: 1 = no skip, 2 = stop one layer earlier.
        learned_from: Who says so, in words.
        note: What else there is to say about it.
    """

    value: int
    learned_from: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A published thing with a name and an author.

    Attributes:
        slug: Our own short name, unique in the catalog.
        name: The publisher's name.
        type: Slug of the model type: ``checkpoint``, ``lora``, ``embedding``, …
        base: Slug of what it is made for: ``sd1``, ``sdxl``, ``sdxl-pony``, ``any``, …
        versions: Best first: newest, unless the catalog's keepers say otherwise.
        origin: Where the row comes from: ``seed``, ``user``, or the name of a hub.
        hub_model_ids: Ids of its pages, such as ``civitai:66``.
        licence: Name of its licence, None if not known.
        permissions: Publisher's permissions by name (Civitai), as text.
        native_resolution: Pixels of one side that it was trained for.
        prediction_type: What the network predicts: ``eps``, ``v_prediction``, …
        recommended_vae: Name of a VAE that its author recommends.
        prompt_notes: How to prompt it.
        status: What became of it at its hubs.
    """

    slug: str
    name: str
    type: str
    base: str | None = None
    versions: tuple[ModelVersion, ...] = ()
    id: int | None = None
    origin: str = "seed"
    author: str | None = None
    homepage: str | None = None
    pages: tuple[str, ...] = ()
    hub_model_ids: tuple[str, ...] = ()
    licence: str | None = None
    licence_source: str | None = None
    permissions: tuple[tuple[str, str], ...] = ()
    clip_skip: ClipSkip | None = None
    trigger_words: tuple[str, ...] = ()
    native_resolution: int | None = None
    prediction_type: str | None = None
    recommended_vae: str | None = None
    prompt_notes: str | None = None
    nsfw: bool | None = None
    status: str | None = None
    note: str | None = None
    confidence: str | None = None
    gone_since: datetime | None = None

    @property
    def files(self) -> tuple[tuple[ModelVersion, ModelFile], ...]:
        """Every file together with its version, in order."""
        return tuple((version, file) for version in self.versions for file in version.files)
