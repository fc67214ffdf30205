"""Where a file can be had: in ids that do not expire, and as an address that does."""

from dataclasses import dataclass, field

from registry.domain.hashes import Hashes


@dataclass(frozen=True, slots=True)
class Source:
    """A place of one file, in the hub's own ids. It never holds a token or a signed address.

    Attributes:
        hub: Name of the hub: ``civitai``, ``huggingface`` or ``direct``.
        model: Civitai's model id or the repository ``owner/repo``.
        version: Civitai's version id or the git revision; None is the hub's default.
        file: Civitai's file id or the path in the repository.
        url: The address itself, for ``direct`` only.

    Example:
        >>> str(Source("civitai", model="66", version="75", file="446"))
        'civitai:66@75+446'
        >>> str(Source("huggingface", model="embed/EasyNegative", file="EasyNegative.safetensors"))
        'hf:embed/EasyNegative:EasyNegative.safetensors'
    """

    hub: str
    model: str | None = None
    version: str | None = None
    file: str | None = None
    url: str | None = None

    def __str__(self) -> str:
        if self.url is not None and self.model is None:
            return self.url
        version = f"@{self.version}" if self.version else ""
        if self.hub == "huggingface":
            path = f":{self.file}" if self.file else ""
            return f"hf:{self.model}{version}{path}"
        file = f"+{self.file}" if self.file else ""
        return f"{self.hub}:{self.model or ''}{version}{file}"


@dataclass(frozen=True, slots=True)
class Secret:
    """A token. It prints as stars, so that no log, error or traceback shows it."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Download:
    """Where a file can be had *now*. Made late, thrown away, never stored.

    Attributes:
        source: The lasting place this address was made from.
        url: First address to ask; it may redirect to a signed one.
        file_name: What the hub calls the file; a hint, never a path.
        size_bytes: Expected length, if the hub or the catalog knows it.
        hashes: Hashes that the hub publishes for it.
        token: Sent as a bearer token to the host of `url` only, never to another.
        trusted: The user configured or typed this address: it may be private, and plain http.
    """

    source: Source
    url: str
    file_name: str
    size_bytes: int | None = None
    hashes: Hashes = field(default_factory=Hashes)
    token: Secret | None = None
    trusted: bool = False
