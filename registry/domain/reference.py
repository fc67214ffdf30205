"""What the user typed, understood.

    anything-v3                                a name of the catalog
    civitai:66   civitai:66@75   civitai:66@75+446   civitai:@75
    hf:owner/repo   hf:owner/repo@rev:path/in/repo
    urn:air:sd1:checkpoint:civitai:66@75+446   (docs of AIR: civitai's developer guide, guide/air)
    sha256:6ce016…   autov2:6ce0161689   or the bare digits
    https://…                                  a page of a hub, or a file

Page addresses of hubs are addresses here; each hub knows its own (`hubs.claim`).
"""

import re
from dataclasses import dataclass

from registry.domain.hashes import Hash, HashKind
from registry.domain.source import Source


@dataclass(frozen=True, slots=True)
class NameRef:
    """A name that the catalog should know."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class HubRef:
    """A model, version or file in the ids of one hub; the same parts as a `Source`."""

    hub: str
    model: str | None = None
    version: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        return str(Source(self.hub, self.model, self.version, self.file))


@dataclass(frozen=True, slots=True)
class UrlRef:
    """Any address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class HashRef:
    """Whatever has this hash."""

    hash: Hash

    def __str__(self) -> str:
        return str(self.hash)


ModelRef = NameRef | HubRef | UrlRef | HashRef

_CIVITAI = re.compile(r"(?P<model>[0-9]+)?(?:@(?P<version>[0-9]+))?(?:\+(?P<file>[0-9]+))?")
_AIR = re.compile(
    r"(?:urn:)?air:(?P<ecosystem>[\w.\-]*):(?P<type>[\w.\-]+):(?P<source>[\w.\-]+):(?P<id>.+)",
    re.IGNORECASE | re.ASCII,
)
_AIR_CIVITAI = re.compile(r"(?P<id>[0-9]+(?:@[0-9]+)?(?:\+[0-9]+)?)(?:\.[0-9a-zA-Z]+)?")
_REPO = re.compile(r"(?!\.)[\w.\-]+/(?!\.)[\w.\-]+", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#\\]+([/?#].*)?", re.IGNORECASE)
_NAME = re.compile(r"[^:/\\]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_BARE_DIGITS = {64: HashKind.SHA256, 10: HashKind.AUTOV2, 12: HashKind.AUTOV3, 8: HashKind.AUTOV1}
_MAX_LENGTH = 4096


def parse(text: str) -> ModelRef:
    """Understand a reference.

    Raises:
        ValueError: The text has none of the forms above; the message says what is wrong.

    Example:
        >>> parse("civitai:66@75+446")
        HubRef(hub='civitai', model='66', version='75', file='446')
        >>> parse("hf:embed/EasyNegative@main:EasyNegative.safetensors").file
        'EasyNegative.safetensors'
        >>> parse("Anything V3")
        NameRef(name='Anything V3')
    """
    text = text.strip()
    if not text:
        raise ValueError("it is empty")
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"it is longer than {_MAX_LENGTH} characters")
    if _CONTROL.search(text):
        raise ValueError("it holds control characters, or bytes that are no text")
    scheme, colon, rest = text.partition(":")
    match scheme.lower() if colon else "":
        case "civitai":
            return _civitai(rest)
        case "hf" | "huggingface":
            return _huggingface(rest)
        case "urn" | "air":
            return _air(text)
        case "http" | "https":
            return _address(text)
        case kind if kind in set(HashKind):
            return HashRef(Hash.parse(text))
        case "":
            return _bare(text)
        case _:
            raise ValueError(f"{scheme}: is not a form that we know")


def _civitai(rest: str) -> HubRef:
    found = _CIVITAI.fullmatch(rest)
    if not found or not (found["model"] or found["version"]):
        raise ValueError("after civitai: come numbers, MODEL@VERSION+FILE")
    return HubRef("civitai", found["model"], found["version"], found["file"])


def _huggingface(rest: str) -> HubRef:
    repo_and_revision, _, path = rest.partition(":")
    repo, _, revision = repo_and_revision.partition("@")
    if not _REPO.fullmatch(repo):
        raise ValueError("after hf: comes owner/repo, then @revision and :path if wanted")
    if any(
        part in {"", ".", ".."} for text in (revision, path) if text for part in text.split("/")
    ):
        raise ValueError("a revision or path has no empty, . or .. parts")
    return HubRef("huggingface", repo, revision or None, path or None)


def _air(text: str) -> HubRef:
    found = _AIR.fullmatch(text)
    if not found:
        raise ValueError("an AIR is urn:air:ECOSYSTEM:TYPE:SOURCE:ID@VERSION+FILE")
    match found["source"].lower():
        case "civitai":
            numbers = _AIR_CIVITAI.fullmatch(found["id"])
            if not numbers:
                raise ValueError("ids of Civitai are numbers, ID@VERSION+FILE")
            return _civitai(numbers["id"])
        case "huggingface":
            # A revision may hold dots, so nothing is taken off as a format here.
            return _huggingface(found["id"])
        case other:
            raise ValueError(f"we know no hub called {other!r}")


def _address(text: str) -> UrlRef:
    if not _URL.fullmatch(text):
        raise ValueError("an address is https://HOST/…")
    return UrlRef(text)


def _bare(text: str) -> ModelRef:
    kind = _BARE_DIGITS.get(len(text))
    if kind and re.fullmatch(r"[0-9a-fA-F]+", text) and re.search(r"\d", text):
        return HashRef(Hash(kind, text))
    if not _NAME.fullmatch(text):
        raise ValueError("a name holds no slashes")
    return NameRef(text)
