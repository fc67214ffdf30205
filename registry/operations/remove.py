"""Take an installed model away: its links, its record, and its bytes if nobody else needs them."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.install import Install
from registry.domain.progress import Progress
from registry.operations.rooms import Rooms
from registry.operations.written_beside import forget
from registry.store import links


@dataclass(frozen=True, slots=True)
class Removed:
    """What went, and what stayed because it is not ours any more.

    Attributes:
        unlinked: Links that were taken away.
        left: Paths of ours that hold something else by now; untouched.
        freed_bytes: Bytes of the blob, 0 if another install still needs it.
    """

    install: Install
    unlinked: tuple[Path, ...]
    left: tuple[Path, ...]
    freed_bytes: int


def remove(install: Install, rooms: Rooms) -> Removed:
    """Remove one install: links, then the record, then bytes; a crash in between is no end.

    As long as there is a record, running the same again finds what is left of the links.

    Raises:
        InUse: Another process is installing the same bytes.
        StoreError: The disk refuses.
    """
    with rooms.downloader.claim(install.sha256, Progress()):
        return _remove(install, rooms)


def _remove(install: Install, rooms: Rooms) -> Removed:
    unlinked: list[Path] = []
    left: list[Path] = []
    blob_path = rooms.store.path_of(install.sha256)
    for link in install.links:
        owner = rooms.catalog.installs.owner_of(link.path)
        if owner is not None and owner.id != install.id:
            continue  # another install of the same bytes has its link there
        if links.unlink(link, blob_path):
            unlinked.append(link.path)
        elif link.path.exists() or link.path.is_symlink():
            left.append(link.path)
    intended = (intent.install for intent in rooms.catalog.installs.pending())
    others = (*rooms.catalog.installs.all(), *intended)
    needed = any(o.sha256 == install.sha256 and o.id != install.id for o in others)
    if needed and rooms.store.has(install.sha256):
        # Before the record goes: a rebuild must not bring back what was removed.
        forget(install, rooms)
    if install.id is not None:
        rooms.catalog.installs.remove(install.id)
    freed = 0
    if not needed and rooms.store.has(install.sha256):
        freed = rooms.store.blob(install.sha256).size_bytes
        rooms.store.remove(install.sha256)
    return Removed(install, tuple(unlinked), tuple(left), freed)
