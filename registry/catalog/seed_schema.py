"""What a catalog file may say, field by field: strict, bounded, nothing unknown.

The same classes carry facts inside this room: what is imported, what is exported, and what a hub
says about a model all take this shape before they become rows. None is "not known" everywhere.
docs/catalog-format.md describes the format in words; docs/catalog.schema.json is made from here.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from registry.domain.hashes import Hash, HashKind
from registry.domain.model import FileRole
from registry.domain.variant import FileFormat, Precision, Pruning

SCHEMA = "sdreg.catalog/1"
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_TEXT = 64 * 1024
MAX_NAME = 1024
MAX_ITEMS = 10_000
MAX_MODELS = 1_000_000
MAX_NUMBER = 2**53  # what every reader of JSON can hold exactly


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    return text


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme.lower() not in {"http", "https"}:
        raise ValueError("is not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password, which a catalog must not")
    return _without_nul(text)


def _instant(text: str) -> str:
    try:
        aware = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise ValueError("is not a time with a zone, such as 2026-01-31T12:00:00+00:00")
    return text


def _hub_model(text: str) -> str:
    hub, colon, model = text.partition(":")
    if not (hub and colon and model):
        raise ValueError("is not HUB:ID, such as civitai:66")
    return _without_nul(text)


Words = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_without_nul)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_without_nul)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+\-]{0,199}$")]
Web = Annotated[str, Field(max_length=8192), AfterValidator(_web_address)]
Instant = Annotated[str, Field(max_length=64), AfterValidator(_instant)]
HubModel = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_hub_model)]
Number = Annotated[int, Field(ge=0, lt=MAX_NUMBER)]
Confidence = Literal["seen", "seen-twice", "recalled"]
Keys = Annotated[list[Name], Field(max_length=MAX_ITEMS)]


def _digits(kind: HashKind) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return Hash(kind, text).digits
        except ValueError as error:
            length = str(error) if str(error).startswith("a ") else "it is not hexadecimal"
            raise ValueError(f"is no {kind}: {length}") from error

    return AfterValidator(check)


_HashText = Annotated[str, Field(max_length=128)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_known(cls, given: Any) -> Any:
        """A field that is null counts as left out, unless it must be there."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {k: v for k, v in given.items() if v is not None or k not in optional}


class SeedHashes(_Strict):
    """Hexadecimal digits by kind; upper case is read as lower case."""

    sha256: Annotated[_HashText, _digits(HashKind.SHA256)] | None = None
    blake3: Annotated[_HashText, _digits(HashKind.BLAKE3)] | None = None
    autov1: Annotated[_HashText, _digits(HashKind.AUTOV1)] | None = None
    autov2: Annotated[_HashText, _digits(HashKind.AUTOV2)] | None = None
    autov3: Annotated[_HashText, _digits(HashKind.AUTOV3)] | None = None
    crc32: Annotated[_HashText, _digits(HashKind.CRC32)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> "SeedHashes":
        if self.sha256 and self.autov2 and not self.sha256.startswith(self.autov2):
            raise ValueError("autov2 is not the begin of sha256")
        return self


class SeedSource(_Strict):
    """A place of a file, in ids that do not expire."""

    hub: Slug
    model: Name | None = None
    version: Name | None = None
    file: Name | None = None
    url: Web | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None
    seen_in: Keys = []

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "SeedSource":
        if not (self.model or self.version or self.file or self.url):
            raise ValueError("names no model, version, file or url")
        return self


class SeedFile(_Strict):
    """One downloadable file."""

    name: Name
    aliases: Keys = []
    role: Annotated[FileRole, Field(strict=False)]
    format: Annotated[FileFormat, Field(strict=False)]
    precision: Annotated[Precision, Field(strict=False)] | None = None
    precision_basis: Name | None = None
    pruning: Annotated[Pruning, Field(strict=False)] | None = None
    detail: Words | None = None
    inpainting: bool = False
    size_bytes: Number | None = None
    size_confidence: Confidence | None = None
    size_seen_in: Keys = []
    size_unverified_bytes: Number | None = None
    other_sizes_seen: Annotated[dict[Name, Keys], Field(max_length=100)] = {}
    hashes: SeedHashes = SeedHashes()
    sha256_confidence: Confidence | None = None
    sha256_seen_in: Keys = []
    autov2_seen_in: Keys = []
    sources: Annotated[list[SeedSource], Field(max_length=MAX_ITEMS)] = []
    hub_file_id: Name | None = None
    is_primary: bool = False
    gated: bool | Words | None = None
    needs_token: bool | Words | None = None
    note: Words | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None


class SeedVersion(_Strict):
    """One release of a model."""

    name: Name
    hub_version_id: Name | None = None
    base_model: Name | None = None
    trigger_words: Annotated[list[Words], Field(max_length=MAX_ITEMS)] = []
    source: Words | None = None
    note: Words | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None
    files: Annotated[list[SeedFile], Field(max_length=MAX_ITEMS)] = []

    @model_validator(mode="after")
    def _files_differ(self) -> "SeedVersion":
        _differ(
            ((f.name, f.hashes.sha256, f.hub_file_id) for f in self.files),
            "files",
            "the same name, sha256 and hub_file_id",
        )
        return self


class ClipSkipEvidence(_Strict):
    """Where a CLIP skip was seen in use."""

    images: Annotated[dict[Name, Number], Field(max_length=100)] = {}
    author_text: Words | None = None
    source: Words | None = None


class SeedModel(_Strict):
    """A published model and all that is known about it."""

    slug: Slug
    name: Name
    type: Slug
    base: Slug | None = None
    author: Name | None = None
    author_source: Words | None = None
    licence: Words | None = None
    licence_source: Words | None = None
    permissions: Annotated[dict[Name, Words], Field(max_length=100)] = {}
    homepage: Web | None = None
    pages: Annotated[list[Web], Field(max_length=MAX_ITEMS)] = []
    hub_models: Annotated[list[HubModel], Field(max_length=MAX_ITEMS)] = []
    clip_skip: Annotated[int, Field(ge=0, le=100)] | None = None
    clip_skip_source: Words | None = None
    clip_skip_note: Words | None = None
    clip_skip_evidence: ClipSkipEvidence | None = None
    trigger_words: Annotated[list[Words], Field(max_length=MAX_ITEMS)] = []
    trigger_words_source: Words | None = None
    prompt_notes: Words | None = None
    native_resolution: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    native_resolution_source: Words | None = None
    prediction_type: Words | None = None
    prediction_type_source: Words | None = None
    recommended_vae: Words | None = None
    recommended_vae_source: Words | None = None
    nsfw: bool | None = None
    in_article: bool = False
    status: Words | None = None
    note: Words | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None
    versions: Annotated[list[SeedVersion], Field(max_length=MAX_ITEMS)] = []

    @model_validator(mode="after")
    def _versions_differ(self) -> "SeedModel":
        _differ(
            ((v.name, v.hub_version_id) for v in self.versions),
            "versions",
            "the same name and hub_version_id",
        )
        return self


class SeedEvidence(_Strict):
    """Where facts were read."""

    what: Words
    repo: Words | None = None
    commit: Words | None = None
    page: Words | None = None
    as_of: Name | None = None


class SeedCatalog(_Strict):
    """A whole catalog file."""

    schema_: Annotated[Literal["sdreg.catalog/1"], Field(alias="schema")]
    revision: Annotated[int, Field(ge=1, lt=MAX_NUMBER)]
    evidence: Annotated[dict[Name, SeedEvidence], Field(max_length=MAX_ITEMS)] = {}
    models: Annotated[list[SeedModel], Field(max_length=MAX_MODELS)]


def _differ(keys: Iterable[tuple[str | None, ...]], what: str, alike: str) -> None:
    seen: dict[tuple[str | None, ...], int] = {}
    for place, key in enumerate(keys):
        if key in seen:
            raise ValueError(f"{what}[{seen[key]}] and {what}[{place}] have {alike}")
        seen[key] = place
