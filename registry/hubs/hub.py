"""What every hub can do, and what it needs to be told."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from registry.domain.hashes import Hash
from registry.domain.model import Model, ModelFile
from registry.domain.reference import HubRef, ModelRef, UrlRef
from registry.domain.source import Download, Secret, Source
from registry.errors import InvalidSettings


def _never(_address: str) -> bool:
    return False


def _none() -> None:
    return None


@dataclass(frozen=True, slots=True)
class HubSettings:
    """What the user decides about one hub.

    Attributes:
        address: Where it answers, for mirrors and tests; None is its own address.
        find_token: Finds the token when it is first needed: a keyring takes longer to ask than
            all else that a command does before its work.
        user_agent: Who we say we are. It must hold no word of a browser: hubs send browsers to
            their login page instead of an error.
        trusted: The user configured the address, so it may be a private one.
        was_typed: Whether the user once typed this very address, so it may be a private one.
        sleep: Waits so many seconds.
        max_wait_s: How long all waits of one question may take together; a hub that wants more
            patience gets `RateLimited` instead.
    """

    address: str | None = None
    find_token: Callable[[], Secret | None] = _none
    user_agent: str = "sdreg"
    trusted: bool = False
    was_typed: Callable[[str], bool] = _never
    sleep: Callable[[float], None] = time.sleep
    max_wait_s: float = 30

    @property
    def token(self) -> Secret | None:
        """Sent to the host of the address only."""
        return self.find_token()


class Hub(Protocol):
    """A place that publishes models.

    Attributes:
        name: As sources call it: ``civitai``.
        title: As people call it: ``Civitai``.
        takes_leftovers: It claims whatever no other hub wants.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    takes_leftovers: ClassVar[bool]

    def __init__(self, settings: HubSettings) -> None: ...

    @property
    def address(self) -> str | None:
        """Where it answers, without a slash at the end; None for one without a place of its own."""
        ...

    def claims(self, reference: ModelRef) -> HubRef | UrlRef | None:
        """Say what this reference means here; None if it is not of this hub.

        Asks nobody: the form of the reference decides.
        """
        ...

    def find(self, reference: HubRef | UrlRef) -> Model:
        """Describe a model, newest version first, narrowed to the version and file that are named.

        Raises:
            GoneFromHub: There is no such thing, or no longer.
            HubError: The hub does not answer, or says no.
        """
        ...

    def search(self, text: str, *, limit: int) -> tuple[Model, ...]:
        """At most `limit` models that the hub finds for these words, best first.

        Raises:
            HubError: The hub does not answer, or says no.
        """
        ...

    def by_hash(self, wanted: Hash) -> tuple[Model, ...]:
        """Models narrowed to the files that have this hash; empty if the hub knows none.

        Raises:
            HubError: The hub does not answer, or says no.
        """
        ...

    def locate(self, source: Source, file: ModelFile | None) -> Download:
        """Say where the bytes of `source` can be had now.

        Args:
            source: A place at this hub.
            file: What is known about the file, to tell it from others where the source names none.

        Raises:
            GoneFromHub: It is not there any more.
            HubError: The hub does not answer, or says no.
        """
        ...

    def public_address(self, source: Source, file: ModelFile) -> str | None:
        """The lasting address of `source`, for everybody to ask: no token, no signature in it.

        Asks nobody, so it may lead nowhere any more. None where a login is wanted for the file, or
        only the hub could tell.

        Args:
            source: A place at this hub.
            file: What is known about the file.
        """
        ...


def address_of(hub: str, settings: HubSettings, default: str) -> str:
    """Where a hub answers, without a slash at the end.

    Raises:
        InvalidSettings: The configured address is none of http or https, or holds a password.
    """
    address = (settings.address or default).strip().rstrip("/")
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidSettings(
            f"the address of {hub}", "is not a plain https://HOST address", "the settings"
        )
    return address
