"""Any address that leads straight to a file. Nothing is known about it but its name."""

import hashlib
from typing import ClassVar
from urllib.parse import urlsplit

from registry.domain.hashes import Hash
from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.reference import HubRef, ModelRef, UrlRef
from registry.domain.source import Download, Source
from registry.errors import GoneFromHub, InvalidReference
from registry.hubs.hub import HubSettings
from registry.hubs.names import is_inpainting, name_of_url, variant_of

_SLUG_DIGITS = 12


class DirectHub:
    """Addresses that no other hub owns. It asks nobody: the download itself will tell."""

    name: ClassVar[str] = "direct"
    title: ClassVar[str] = "Direct address"
    takes_leftovers: ClassVar[bool] = True

    def __init__(self, settings: HubSettings) -> None:
        self._settings = settings
        self._typed: set[str] = set()

    @property
    def address(self) -> None:
        """None: it is whatever the user names."""
        return

    def claims(self, reference: ModelRef) -> HubRef | UrlRef | None:
        """Every address."""
        return reference if isinstance(reference, UrlRef) else None

    def find(self, reference: HubRef | UrlRef) -> Model:
        """A model of one file, named after the address.

        Raises:
            InvalidReference: It is no address, or it holds a password, which would be stored.
        """
        if not isinstance(reference, UrlRef):
            raise InvalidReference(str(reference), "it is no address")
        url = _without_fragment(reference.url)
        self._typed.add(url)
        name = name_of_url(url)
        file = ModelFile(
            name=name,
            role=FileRole.WEIGHTS,
            variant=variant_of(name),
            sources=(Source(self.name, url=url),),
            inpainting=is_inpainting(name),
        )
        return Model(
            slug=f"direct-{hashlib.sha256(url.encode()).hexdigest()[:_SLUG_DIGITS]}",
            name=name,
            type="other",
            versions=(ModelVersion(name="as published", files=(file,)),),
            origin=self.name,
            homepage=url,
            pages=(url,),
        )

    def search(self, text: str, *, limit: int) -> tuple[Model, ...]:  # noqa: ARG002 -- of every hub
        """Nothing: addresses cannot be searched."""
        return ()

    def by_hash(self, wanted: Hash) -> tuple[Model, ...]:  # noqa: ARG002 -- of every hub
        """Nothing: addresses do not know their hashes."""
        return ()

    def locate(self, source: Source, file: ModelFile | None) -> Download:
        """The address itself; it may be a private one if the user typed it, now or once.

        Raises:
            GoneFromHub: The source holds no address.
        """
        if source.url is None:
            raise GoneFromHub(self.name, str(source), "the source holds no address")
        return Download(
            source=source,
            url=source.url,
            file_name=file.name if file is not None else name_of_url(source.url),
            trusted=source.url in self._typed or self._settings.was_typed(source.url),
        )

    def public_address(self, source: Source, file: ModelFile) -> str | None:  # noqa: ARG002 -- of every hub
        """The address itself, unless it holds what may be a password, a token or a signature."""
        return source.url if source.url is not None and _holds_no_secret(source.url) else None


def _holds_no_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.scheme in {"http", "https"}
    except ValueError:
        return False
    # What a query means only its server knows; signed addresses keep their signatures there.
    return named and not (parts.query or parts.fragment or "@" in parts.netloc)


def _without_fragment(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise InvalidReference("the address", "it is no address that can be read") from error
    if host is None:
        raise InvalidReference(url, "it names no host")
    if "@" in parts.netloc:
        raise InvalidReference(
            f"{parts.scheme}://***@{host}{parts.path}", "a password in an address would be stored"
        )
    return parts._replace(fragment="").geturl()


HUB = DirectHub
