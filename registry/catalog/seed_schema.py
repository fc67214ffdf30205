"""What a catalog file may say, field by field: strict, bounded, nothing unknown.

The same classes carry facts inside this room: what is imported, what is exported, and what a hub
says about a model all take this shape before they become rows. None is "not known" everywhere.
docs/catalog-format.md describes the format in words; docs/catalog.schema.json is made from here.

The classes are plain, and their rules wait: pydantic is loaded when a file is checked, which most
processes never do, and its import takes as long as a dozen small files.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

from registry.domain.hashes import Hash, HashKind
from registry.domain.model import FileRole
from registry.domain.variant import FileFormat, Precision, Pruning

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema

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


class Rule:
    """What must hold of a value, for pydantic to check.

    Args:
        check: Gives the value as it is kept; its ValueError says what is wrong.
        limits: As `pydantic.Field` takes them.
    """

    def __init__(self, check: Callable[[str], str] | None = None, **limits: Any) -> None:
        self._check = check
        self._limits = limits

    def __get_pydantic_core_schema__(
        self, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """The rule in pydantic's words."""
        from pydantic import AfterValidator, Field  # noqa: PLC0415 - only to check a file

        rules: list[Any] = [Field(**self._limits)]
        if self._check is not None:
            rules.append(AfterValidator(self._check))
        return handler.generate_schema(Annotated[(source, *rules)])


Words = Annotated[str, Rule(_without_nul, max_length=MAX_TEXT)]
Name = Annotated[str, Rule(_without_nul, min_length=1, max_length=MAX_NAME)]
Slug = Annotated[str, Rule(pattern=r"^[a-z0-9][a-z0-9._+\-]{0,199}$")]
Web = Annotated[str, Rule(_web_address, max_length=8192)]
Instant = Annotated[str, Rule(_instant, max_length=64)]
HubModel = Annotated[str, Rule(_hub_model, max_length=MAX_NAME)]
Number = Annotated[int, Rule(ge=0, lt=MAX_NUMBER)]
Confidence = Literal["seen", "seen-twice", "recalled"]
Keys = Annotated[list[Name], Rule(max_length=MAX_ITEMS)]


def _digits(kind: HashKind) -> Rule:
    def check(text: str) -> str:
        try:
            return Hash(kind, text).digits
        except ValueError as error:
            length = str(error) if str(error).startswith("a ") else "it is not hexadecimal"
            raise ValueError(f"is no {kind}: {length}") from error

    return Rule(check, max_length=128)


class Facts:
    """What all classes of facts have in common."""

    __slots__: tuple[str, ...] = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {"strict": True, "extra": "forbid"}

    def check(self) -> Self:
        """The same facts.

        Raises:
            ValueError: They do not go together.
        """
        return self

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """How pydantic makes these facts from an object of a file."""
        from pydantic_core import core_schema as core  # noqa: PLC0415 - as above

        # Only the fields are strict: a strict dataclass would take no object but itself.
        made = core.no_info_after_validator_function(
            cls.check, {**handler(source), "strict": False}
        )
        return core.no_info_before_validator_function(cls._null_is_not_known, made)

    @classmethod
    def _null_is_not_known(cls, given: Any) -> Any:
        """A field that is null counts as left out, unless it must be there."""
        if not isinstance(given, dict):
            return given
        kind: Any = cls  # mypy takes the class for one of its instances, which have no hash
        optional = _optional(kind)
        return {k: v for k, v in given.items() if v is not None or k not in optional}


def names_of(kind: type[Facts]) -> tuple[str, ...]:
    """The names of all fields of a class of facts."""
    return kind.__slots__


@cache
def _optional(kind: Any) -> frozenset[str]:
    missing = dataclasses.MISSING
    return frozenset(
        item.name
        for item in dataclasses.fields(kind)
        if item.default is not missing or item.default_factory is not missing
    )


@cache
def adapter(kind: Any) -> "TypeAdapter[Any]":
    """What pydantic knows about a class of facts."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - as above

    return TypeAdapter(kind)


F = TypeVar("F", bound=Facts)


def read(kind: type[F], given: object) -> F:
    """Check an object of a file.

    Raises:
        pydantic.ValidationError: It breaks a rule.
    """
    any_kind: Any = kind  # as above
    facts: F = adapter(any_kind).validate_python(given)
    return facts


@dataclass(slots=True, kw_only=True)
class SeedHashes(Facts):
    """Hexadecimal digits by kind; upper case is read as lower case."""

    sha256: Annotated[str, _digits(HashKind.SHA256)] | None = None
    blake3: Annotated[str, _digits(HashKind.BLAKE3)] | None = None
    autov1: Annotated[str, _digits(HashKind.AUTOV1)] | None = None
    autov2: Annotated[str, _digits(HashKind.AUTOV2)] | None = None
    autov3: Annotated[str, _digits(HashKind.AUTOV3)] | None = None
    crc32: Annotated[str, _digits(HashKind.CRC32)] | None = None

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return ((kind, getattr(self, kind)) for kind in names_of(SeedHashes))

    def check(self) -> Self:
        """AutoV2 is the begin of SHA-256."""
        if self.sha256 and self.autov2 and not self.sha256.startswith(self.autov2):
            raise ValueError("autov2 is not the begin of sha256")
        return self


@dataclass(slots=True, kw_only=True)
class SeedSource(Facts):
    """A place of a file, in ids that do not expire."""

    hub: Slug
    model: Name | None = None
    version: Name | None = None
    file: Name | None = None
    url: Web | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None
    seen_in: Keys = field(default_factory=list)

    def check(self) -> Self:
        """A source leads somewhere."""
        if not (self.model or self.version or self.file or self.url):
            raise ValueError("names no model, version, file or url")
        return self


@dataclass(slots=True, kw_only=True)
class SeedFile(Facts):
    """One downloadable file."""

    name: Name
    aliases: Keys = field(default_factory=list)
    role: Annotated[FileRole, Rule(strict=False)]
    format: Annotated[FileFormat, Rule(strict=False)]
    precision: Annotated[Precision, Rule(strict=False)] | None = None
    precision_basis: Name | None = None
    pruning: Annotated[Pruning, Rule(strict=False)] | None = None
    detail: Words | None = None
    inpainting: bool = False
    size_bytes: Number | None = None
    size_confidence: Confidence | None = None
    size_seen_in: Keys = field(default_factory=list)
    size_unverified_bytes: Number | None = None
    other_sizes_seen: Annotated[dict[Name, Keys], Rule(max_length=100)] = field(
        default_factory=dict
    )
    hashes: SeedHashes = field(default_factory=SeedHashes)
    sha256_confidence: Confidence | None = None
    sha256_seen_in: Keys = field(default_factory=list)
    autov2_seen_in: Keys = field(default_factory=list)
    sources: Annotated[list[SeedSource], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)
    hub_file_id: Name | None = None
    is_primary: bool = False
    gated: bool | Words | None = None
    needs_token: bool | Words | None = None
    note: Words | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None


@dataclass(slots=True, kw_only=True)
class SeedVersion(Facts):
    """One release of a model."""

    name: Name
    hub_version_id: Name | None = None
    base_model: Name | None = None
    trigger_words: Annotated[list[Words], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)
    source: Words | None = None
    note: Words | None = None
    confidence: Confidence | None = None
    gone_since: Instant | None = None
    files: Annotated[list[SeedFile], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)

    def check(self) -> Self:
        """Files differ."""
        _differ(
            ((f.name, f.hashes.sha256, f.hub_file_id) for f in self.files),
            "files",
            "the same name, sha256 and hub_file_id",
        )
        return self


@dataclass(slots=True, kw_only=True)
class ClipSkipEvidence(Facts):
    """Where a CLIP skip was seen in use."""

    images: Annotated[dict[Name, Number], Rule(max_length=100)] = field(default_factory=dict)
    author_text: Words | None = None
    source: Words | None = None


@dataclass(slots=True, kw_only=True)
class SeedModel(Facts):
    """A published model and all that is known about it."""

    slug: Slug
    name: Name
    type: Slug
    base: Slug | None = None
    author: Name | None = None
    author_source: Words | None = None
    licence: Words | None = None
    licence_source: Words | None = None
    permissions: Annotated[dict[Name, Words], Rule(max_length=100)] = field(default_factory=dict)
    homepage: Web | None = None
    pages: Annotated[list[Web], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)
    hub_models: Annotated[list[HubModel], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)
    clip_skip: Annotated[int, Rule(ge=0, le=100)] | None = None
    clip_skip_source: Words | None = None
    clip_skip_note: Words | None = None
    clip_skip_evidence: ClipSkipEvidence | None = None
    trigger_words: Annotated[list[Words], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)
    trigger_words_source: Words | None = None
    prompt_notes: Words | None = None
    native_resolution: Annotated[int, Rule(ge=1, le=1_000_000)] | None = None
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
    versions: Annotated[list[SeedVersion], Rule(max_length=MAX_ITEMS)] = field(default_factory=list)

    def check(self) -> Self:
        """Versions differ."""
        _differ(
            ((v.name, v.hub_version_id) for v in self.versions),
            "versions",
            "the same name and hub_version_id",
        )
        return self


@dataclass(slots=True, kw_only=True)
class SeedEvidence(Facts):
    """Where facts were read."""

    what: Words
    repo: Words | None = None
    commit: Words | None = None
    page: Words | None = None
    as_of: Name | None = None


@dataclass(slots=True, kw_only=True)
class SeedCatalog(Facts):
    """A whole catalog file."""

    schema: Literal["sdreg.catalog/1"]
    revision: Annotated[int, Rule(ge=1, lt=MAX_NUMBER)]
    evidence: Annotated[dict[Name, SeedEvidence], Rule(max_length=MAX_ITEMS)] = field(
        default_factory=dict
    )
    models: Annotated[list[SeedModel], Rule(max_length=MAX_MODELS)]


def _differ(keys: Iterable[tuple[str | None, ...]], what: str, alike: str) -> None:
    seen: dict[tuple[str | None, ...], int] = {}
    for place, key in enumerate(keys):
        if key in seen:
            raise ValueError(f"{what}[{seen[key]}] and {what}[{place}] have {alike}")
        seen[key] = place
