"""Whole reads of one file that are not the promised bytes, and what each of them tells alone."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.hashes import Hash
from registry.domain.install import FetchedFile
from registry.domain.model import ModelFile
from registry.domain.reference import HubRef
from registry.domain.source import Source
from registry.domain.variant import FileFormat
from registry.errors import HubError, MalformedHeader
from registry.formats.safetensors import LENGTH_BYTES, read_index
from registry.formats.sniff import Sniffed, sniff_file
from registry.operations.prove import Promise
from registry.operations.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Reading:
    """One whole read of other bytes than the promised ones.

    Attributes:
        source: Who sent it, or the last part of it; None if most of it lay here already.
        fetched: The bytes and what was measured.
        promise: What they were held to.
        earlier: Pieces in it that others brought: another source, or an earlier run.
        cause: What it tells by itself: ``cut``, ``not-a-model``, ``replaced``; None if nothing.
        kept_at: Where it was set aside already.
    """

    source: Source | None
    fetched: FetchedFile
    promise: Promise
    earlier: frozenset[int] = frozenset()
    cause: str | None = None
    kept_at: Path | None = None

    @property
    def is_comparable(self) -> bool:
        """Whether its pieces may be those of the promised file."""
        return self.cause is None

    @property
    def may_come_right(self) -> bool:
        """Whether its source may send the promised file when it is asked once more."""
        return self.cause in {None, "cut"}

    @property
    def wrong(self) -> tuple[Hash, Hash]:
        """The promised hash and the one that was measured."""
        pair = self.promise.contradiction(self.fetched.hashes)
        assert pair is not None
        return pair


def cause_seen(reading: Reading, file: ModelFile, rooms: Rooms) -> str | None:
    """What one reading tells by itself about why it is not the promised file."""
    sniffed = sniff_file(reading.fetched.path)
    claimed = FileFormat.from_name(file.name)
    if not sniffed.may_be_model and not (
        claimed is FileFormat.CONFIG and sniffed.format is FileFormat.CONFIG
    ):
        # Damage in its first bytes makes a model a file of an unknown kind: that tells nothing.
        return "not-a-model" if _is_something_else(sniffed.what) else None
    fetched = reading.fetched
    # A file of the right length is not cut, whatever damage in its header makes it say.
    if fetched.size_bytes != file.size_bytes and _is_cut(fetched.path, sniffed, fetched.size_bytes):
        return "cut"
    if reading.source is not None and hub_names(reading.source, fetched, rooms):
        return "replaced"
    return None


def _is_something_else(what: str) -> bool:
    return what not in {"a file of an unknown kind", "a file that begins with nothing but zeros"}


def _is_cut(path: Path, sniffed: Sniffed, size_bytes: int) -> bool:
    """Whether the format itself tells of bytes behind the end of the file."""
    if sniffed.what.endswith("(zip)"):
        import zipfile  # noqa: PLC0415 -- for damaged archives only

        return not zipfile.is_zipfile(path)  # its table of contents stands at its end
    if sniffed.format is not FileFormat.SAFETENSORS:
        return False
    with path.open("rb") as file:
        if LENGTH_BYTES + int.from_bytes(file.read(LENGTH_BYTES), "little") > size_bytes:
            return True
    try:
        read_index(path)
    except MalformedHeader as error:
        return error.offset == size_bytes
    return False


def hub_names(source: Source, fetched: FetchedFile, rooms: Rooms) -> bool:
    """Whether the hub's own answer names exactly the bytes that came, at this source."""
    if source.model is None and source.version is None:
        return False
    reference = HubRef(source.hub, source.model, source.version, source.file)
    try:
        model = rooms.hub(source.hub).find(reference)
    except HubError:
        return False  # who does not answer names nothing
    return any(file.hashes.sha256 == fetched.hashes.sha256 for _, file in model.files)
