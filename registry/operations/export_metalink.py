"""Describe installed files so that other programs, such as aria2, can check and repair them."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from urllib.parse import quote

import blake3

from registry.domain.hashes import Hash, HashKind
from registry.domain.install import Blob, Install
from registry.domain.metalink import MetalinkFile, document, piece_length, xml_text
from registry.domain.model import ModelFile
from registry.domain.pieces import PIECE_BYTES, PieceMap
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.errors import BlobDamaged, InvalidArgument, StoreError
from registry.operations.rooms import Rooms
from registry.store.paths import safe_name, same_name, with_hash, with_mark
from registry.store.trouble import disk_errors
from registry.transfer.addresses import is_private

# Whatever has a meaning in an address, RFC 3986, section 2.2, and what is encoded already.
_RESERVED = "%:/?#[]@!$&'()*+,;="


@dataclass(frozen=True, slots=True)
class Exported:
    """One installed file as it was described.

    Attributes:
        no_address: Why nobody can be asked for it, if so.
    """

    install: Install
    file: MetalinkFile
    no_address: str | None


@dataclass(frozen=True, slots=True)
class NotExported:
    """One installed file that is not as it was stored, so that nobody should repair by it."""

    install: Install
    error: StoreError


@dataclass(frozen=True, slots=True)
class Export:
    """What an export found, and its text.

    Attributes:
        document: The Metalink document; empty if no file could be described.
    """

    files: tuple[Exported, ...]
    refused: tuple[NotExported, ...]
    document: str


def export_metalink(
    installs: Iterable[Install], rooms: Rooms, progress: Progress, *, generator: str
) -> Export:
    """Describe installs as a Metalink document; changes nothing and asks no hub.

    Every file is read once. A file is described only if all of it is as it was stored.

    Args:
        installs: What to describe.
        rooms: The store is read; the catalog knows the sources.
        progress: Hears about every byte.
        generator: The program that writes the document, with its version.

    Raises:
        InvalidArgument: Nothing is installed.
    """
    # Two models may share their bytes and the name: that is one file for whoever fetches it.
    distinct = {(install.sha256, install.file_name): install for install in installs}
    if not distinct:
        raise InvalidArgument(
            "the export", "would be empty: nothing is installed", "Run `sdreg install` first."
        )
    exported: list[Exported] = []
    refused: list[NotExported] = []
    names: list[str] = []
    for install in distinct.values():
        try:
            size_bytes, pieces = _read(install, rooms, progress)
        except StoreError as error:
            refused.append(NotExported(install, error))
            continue
        names.append(_free_name(install, names))
        addresses, why_none = _addresses(install, rooms)
        length = piece_length(size_bytes)
        file = MetalinkFile(names[-1], size_bytes, install.sha256, length, pieces, addresses)
        exported.append(Exported(install, file, why_none))
    text = document((each.file for each in exported), generator=generator) if exported else ""
    return Export(tuple(exported), tuple(refused), text)


# ── the pieces ────────────────────────────────────────────────────────────────────────────────────


def _read(install: Install, rooms: Rooms, progress: Progress) -> tuple[int, tuple[str, ...]]:
    """Length of a stored file and the SHA-256 of its pieces, if it is as it was stored.

    Raises:
        StoreError: It is missing, cannot be read, or is damaged.
    """
    blob = rooms.store.blob(install.sha256)
    known = rooms.store.pieces(install.sha256)
    progress.begin(install.file_name, blob.size_bytes)
    try:
        with disk_errors(blob.path):
            return _measured(blob, known, progress)
    finally:
        progress.end()


def _measured(
    blob: Blob, known: PieceMap | None, progress: Progress
) -> tuple[int, tuple[str, ...]]:
    """Hash a file for others and for us in one pass.

    The piece map proves the bytes, as in `sdreg verify`; without one the SHA-256 of all does.
    """
    length = piece_length(blob.size_bytes)
    digests: list[str] = []
    own: list[str] = []
    piece, whole, size_bytes = hashlib.sha256(), hashlib.sha256(), 0
    with blob.path.open("rb") as file:
        while chunk := file.read(PIECE_BYTES):
            if size_bytes and size_bytes % length == 0:
                digests.append(piece.hexdigest())
                piece = hashlib.sha256()
            piece.update(chunk)
            if known is None:
                whole.update(chunk)
            else:
                own.append(blake3.blake3(chunk, max_threads=blake3.blake3.AUTO).hexdigest())
            size_bytes += len(chunk)
            progress.advance(len(chunk))
    if size_bytes:
        digests.append(piece.hexdigest())
    if known is not None:
        _require_same(blob, known, PieceMap(size_bytes, tuple(own)))
    elif whole.hexdigest() != blob.sha256:
        raise BlobDamaged(blob.sha256, str(blob.path), "its SHA-256 is another one now")
    return size_bytes, tuple(digests)


def _require_same(blob: Blob, known: PieceMap, measured: PieceMap) -> None:
    if measured.size_bytes != known.size_bytes:
        because = f"it has {measured.size_bytes:,} bytes and had {known.size_bytes:,}"
        raise BlobDamaged(blob.sha256, str(blob.path), because)
    damaged = known.differing(measured)
    if damaged:
        because = f"{len(damaged)} of {len(known.digests)} pieces differ"
        raise BlobDamaged(blob.sha256, str(blob.path), because)


# ── its name and addresses ────────────────────────────────────────────────────────────────────────


def _free_name(install: Install, taken: Iterable[str]) -> str:
    """The name of a file in a document, where two different files may not share one."""
    name = xml_text(safe_name(install.file_name))
    names = chain(
        (name, with_hash(name, install.sha256)),
        (with_mark(name, f"-{number}") for number in count(2)),
    )
    return next(each for each in names if not any(same_name(each, other) for other in taken))


def _addresses(install: Install, rooms: Rooms) -> tuple[tuple[str, ...], str | None]:
    """Where everybody can have these bytes, best first; and why nowhere, if so."""
    if install.derived_from is not None:
        return (), "it was converted here: no hub has these bytes"
    places = tuple(_places(install, rooms))
    if not places:
        return (), "no source of it is known"
    told = (_public_address(source, file, rooms) for source, file in places)
    addresses = tuple(dict.fromkeys(address for address in told if address is not None))
    return addresses, None if addresses else "no source of it has a lasting address without a login"


def _places(install: Install, rooms: Rooms) -> Iterator[tuple[Source, ModelFile]]:
    """Every source of these bytes, those of the installed model's own file first."""
    hits = rooms.catalog.models.by_hash(Hash(HashKind.SHA256, install.sha256))
    for _, _, file in sorted(hits, key=lambda hit: hit[2].id != install.file_id):
        for source in file.sources:
            yield source, file


def _public_address(source: Source, file: ModelFile, rooms: Rooms) -> str | None:
    hub = rooms.hubs.get(source.hub)
    address = hub.public_address(source, file) if hub is not None else None
    if address is None:
        return None
    # A catalog comes from strangers, and must not make anybody knock at doors of the home network.
    from_catalog = address == source.url and not rooms.catalog.models.was_typed(address)
    if from_catalog and is_private(address):
        return None
    return quote(address, safe=_RESERVED)
