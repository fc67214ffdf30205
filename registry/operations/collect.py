"""What of ours takes room and is of no use any more: find it, and throw it away when told to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from registry.domain.install import Install
from registry.domain.progress import Progress
from registry.operations.names_found import names_found
from registry.operations.rebuild import without_record
from registry.operations.remove import remove
from registry.operations.rooms import Rooms

_LONG_ABANDONED = timedelta(days=7)


class WasteKind(StrEnum):
    """Why something is of no use."""

    UNREFERENCED = "unreferenced"  # a stored file that no record speaks of and no name leads to
    PART = "part"  # a download that nobody went on with, or whose file is here
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"  # an older version of a model of which a newer one is installed


@dataclass(frozen=True, slots=True)
class Waste:
    """One thing that could go.

    Attributes:
        key: SHA-256, name of the part, or number of the install.
        name: What people know it by.
    """

    kind: WasteKind
    key: str
    name: str
    path: Path
    size_bytes: int


def find_waste(rooms: Rooms) -> tuple[Waste, ...]:
    """Everything that could go. Changes nothing.

    A stored file without a record that a name in a UI still leads to is not waste but a sign of a
    lost catalog: it is for `rebuild`.

    Raises:
        StoreError: The disk does not say.
    """
    return (
        *_unreferenced(rooms),
        *_parts(rooms),
        *_quarantined(rooms),
        *_superseded(rooms),
    )


def throw_away(waste: Waste, rooms: Rooms) -> bool:
    """Let one thing go, if it is waste still; says whether it went.

    Raises:
        InUse: Another process is at work on it.
        StoreError: The disk refuses.
    """
    match waste.kind:
        case WasteKind.UNREFERENCED:
            return _throw_blob(waste.key, rooms)
        case WasteKind.PART:
            # Somebody may have gone on with it since it was found.
            if waste.key not in {part.key for part in _parts(rooms)}:
                return False
            rooms.downloader.discard(waste.key)
            return True
        case WasteKind.QUARANTINED:
            return rooms.store.drop_quarantined(waste.path)
        case WasteKind.SUPERSEDED:
            # The newer one may have been removed since.
            older = {str(install.id): install for install in _older(rooms)}
            if waste.key not in older:
                return False
            remove(older[waste.key], rooms)
            return True


def _throw_blob(sha256: str, rooms: Rooms) -> bool:
    with rooms.downloader.claim(sha256, Progress()):
        # Somebody may have installed it since it was found.
        if sha256 not in without_record(rooms) or names_found([sha256], rooms):
            return False
        if not rooms.catalog.installs.forget_blob(sha256):
            return False
        rooms.store.remove(sha256)
    return True


def _unreferenced(rooms: Rooms) -> Iterator[Waste]:
    lost = without_record(rooms)
    named = names_found(lost, rooms)
    for sha256 in lost:
        if sha256 not in named:
            blob, record = rooms.store.blob(sha256), rooms.store.record(sha256)
            name = (record.facts.get("file_name") if record else None) or sha256
            yield Waste(WasteKind.UNREFERENCED, sha256, name, blob.path, blob.size_bytes)


def _parts(rooms: Rooms) -> Iterator[Waste]:
    present = set(rooms.store.list())
    for part in rooms.downloader.unfinished():
        if part.key in present or _is_abandoned(part.path, rooms):
            yield Waste(WasteKind.PART, part.key, part.file_name, part.path, part.done_bytes)
    for path in rooms.downloader.lost_parts():
        if _is_abandoned(path, rooms):
            yield Waste(WasteKind.PART, path.stem, path.name, path, _size_of(path))


def _is_abandoned(path: Path, rooms: Rooms) -> bool:
    try:
        touched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:  # it has just been finished
        return False
    return rooms.clock() - touched > _LONG_ABANDONED


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # somebody else has just thrown it away
        return 0


def _quarantined(rooms: Rooms) -> Iterator[Waste]:
    for path in rooms.store.quarantined():
        if rooms.store.set_aside_by_us(path):
            size = path.lstat().st_size
            yield Waste(WasteKind.QUARANTINED, path.name, path.name, path, size)


def _superseded(rooms: Rooms) -> Iterator[Waste]:
    for install in _older(rooms):
        path = rooms.store.path_of(install.sha256)
        yield Waste(
            WasteKind.SUPERSEDED, str(install.id), install.file_name, path, install.size_bytes
        )


def _older(rooms: Rooms) -> Iterator[Install]:
    """Installs of a version of which the hub's own numbers say that a newer one is here."""
    versions = [
        (install, number)
        for install in rooms.catalog.installs.all()
        if (number := _version_number(install, rooms)) is not None
    ]
    for install, number in versions:
        newer = any(
            other.slug == install.slug
            and other.model_type == install.model_type
            and than > number
            and rooms.store.has(other.sha256)
            for other, than in versions
        )
        if newer:
            yield install


def _version_number(install: Install, rooms: Rooms) -> int | None:
    model = rooms.catalog.models.find(install.slug) if install.slug else None
    for version, file in model.files if model else ():
        if file.id is not None and file.id == install.file_id:
            number = version.hub_version_id or ""
            return int(number) if number.isdecimal() else None
    return None
