"""What a file is held to, and what counts as proof that these bytes are it."""

from dataclasses import dataclass
from enum import Enum, auto

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.source import Download, Source
from registry.errors import HashMismatch
from registry.transfer.download import Expectation


class Proof(Enum):
    """What was found out about bytes that may be used."""

    PROVEN = auto()
    """A full hash that was known beforehand was matched."""
    UNPROVEN = auto()
    """Nothing contradicts them, and nothing proves them."""
    ACCEPTED = auto()
    """They are not the promised ones; the user named their hash and accepts them."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the bytes of one file are held to.

    Attributes:
        known: Hashes that the catalog or the hub promises.
        accepted: SHA-256 of other bytes that the user accepts instead.
    """

    known: Hashes
    accepted: Hash | None = None

    def judge(self, measured: Hashes) -> Proof | None:
        """Say what these bytes are; None if they are another file.

        A matching SHA-256 settles it: a lesser hash that differs then is wrong in the catalog.
        """
        if self.contradiction(measured) is None:
            return Proof.PROVEN if self.known.can_prove else Proof.UNPROVEN
        if self.accepted is not None and measured.sha256 == self.accepted.digits:
            return Proof.ACCEPTED
        return None

    def contradiction(self, measured: Hashes) -> tuple[Hash, Hash] | None:
        """A known hash and the measured one that cannot be of the same file; None if all fit."""
        wrong = self.known.contradictions(measured)
        if self.known.sha256 is not None:
            wrong = tuple(pair for pair in wrong if pair[0].kind is HashKind.SHA256)
        # Of two that say the same, the whole hash tells more than its begin.
        return min(wrong, key=lambda pair: pair[0].kind is not pair[1].kind, default=None)


def prove(fetched: FetchedFile, known: Hashes, *, file_name: str, source: Source) -> bool:
    """Compare what was measured with what was known; says whether that is a proof.

    Raises:
        HashMismatch: It is another file.
    """
    wrong = Promise(known).contradiction(fetched.hashes)
    if wrong is not None:
        raise HashMismatch(file_name, str(wrong[0]), str(wrong[1]), str(source))
    return known.can_prove


def promise_of(file: ModelFile, download: Download, accepted: Hash | None) -> Promise:
    """What the catalog promises, completed by what the hub says.

    Raises:
        HashMismatch: The hub itself says that it holds another file now: no need to fetch it.
    """
    for known, told in file.hashes.contradictions(download.hashes):
        if known.kind is HashKind.SHA256 and told != accepted:
            got, source = f"{told} (says the hub)", str(download.source)
            raise HashMismatch(file.name, str(known), got, source, cause="replaced")
    return Promise(Hashes.collect((*file.hashes, *download.hashes)), accepted)


def expectation_of(file: ModelFile, download: Download, promise: Promise) -> Expectation:
    """What the transfer is held to: bytes that the user accepts may have another length."""
    if promise.accepted is not None:
        return Expectation(hashes=Hashes((promise.accepted,)))
    size = file.size_bytes if file.size_bytes is not None else download.size_bytes
    return Expectation(size_bytes=size, hashes=promise.known)
