"""Write the records of installs again, from what lies beside the stored files and in the folders.

Each blob is one intent and one record, as at an install: whatever is interrupted is ended by
`recover` or by the next rebuild. Nothing on the disk is changed but the catalog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.domain.hashes import Hash, HashKind
from registry.domain.install import Blob, Install, Placement
from registry.domain.progress import Progress
from registry.errors import InUse
from registry.operations.names_found import names_found
from registry.operations.place_links import place_links
from registry.operations.plan_install import UNKNOWN_TYPE, places_for
from registry.operations.rooms import Rooms
from registry.store import links
from registry.store.garbage import removable
from registry.store.paths import safe_name
from registry.taxonomy.lookup import model_types

LOST = (
    "when files were last verified, and the history of audits and smoke tests",
    "models that only a hub described: `sdreg show REFERENCE` asks it again",
    "a second name or model of one file: only the first is written beside it",
)
"""What a rebuild cannot know again, in sentences."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did.

    Attributes:
        installs: Those that were written again.
        without_links: File names of which no link was found; `sdreg link` makes them.
        unknown: SHA-256 of files beside which nothing tells what they are; they stay.
        busy: SHA-256 of files that another process is at work on.
    """

    installs: tuple[Install, ...]
    without_links: tuple[str, ...]
    unknown: tuple[str, ...]
    busy: tuple[str, ...]


def rebuild(rooms: Rooms) -> Rebuilt:
    """Give every stored file that no record speaks of its record back.

    Raises:
        StoreError: The disk refuses.
        CatalogError: The catalog cannot be written.
    """
    lost = without_record(rooms)
    names = names_found(lost, rooms)
    installs: list[Install] = []
    unknown: list[str] = []
    busy: list[str] = []
    for sha256 in lost:
        try:
            with rooms.downloader.claim(sha256, Progress(), wait_s=0):
                done = _write_again(sha256, names.get(sha256, ()), rooms)
        except InUse:
            busy.append(sha256)
            continue
        if done is None:
            unknown.append(sha256)
        else:
            installs.append(done)
    bare = tuple(install.file_name for install in installs if not install.links)
    return Rebuilt(tuple(installs), bare, tuple(unknown), tuple(busy))


def without_record(rooms: Rooms) -> tuple[str, ...]:
    """Stored files that no install speaks of, neither finished nor begun."""
    records = rooms.catalog.installs
    begun = (intent.install for intent in records.pending())
    referenced = {install.sha256 for install in (*records.all(), *begun)}
    return removable(referenced=referenced, present=rooms.store.list())


def _write_again(sha256: str, found: tuple[Placement, ...], rooms: Rooms) -> Install | None:
    record = rooms.store.record(sha256)
    if record is None or not record.facts.get("file_name"):
        return None
    blob = rooms.store.blob(sha256)
    install = _install(blob, record.facts, rooms)
    places = (*found, *_copies(install, blob, found, rooms))
    intent = rooms.catalog.installs.intend(install, places)
    placed = place_links(blob, places, rooms)
    return rooms.catalog.installs.complete(intent, placed.links, blob, at=install.installed_at)


def _install(blob: Blob, facts: Mapping[str, str], rooms: Rooms) -> Install:
    slug = facts.get("slug") or None
    derived_from = facts.get("derived_from") or None
    arrived = Hash(HashKind.SHA256, derived_from or blob.sha256)
    promised = [
        file for model, _, file in rooms.catalog.models.by_hash(arrived) if model.slug == slug
    ]
    model_type = facts.get("model_type", "")
    # Documents of an older sdreg do not say whether a hash was matched; the catalog may know it.
    proven = facts["proven"] == "yes" if "proven" in facts else bool(promised)
    return Install(
        reference=facts.get("reference") or facts["file_name"],
        slug=slug,
        model_type=model_type if model_type in model_types() else UNKNOWN_TYPE,
        file_name=safe_name(facts["file_name"]),
        file_id=promised[0].id if promised else None,
        sha256=blob.sha256,
        size_bytes=blob.size_bytes,
        source=facts.get("source") or "this disk",
        proven=proven,
        installed_at=_moment(facts.get("installed_at", ""), blob),
        derived_from=derived_from,
    )


def _moment(text: str, blob: Blob) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = None
    if told is not None and told.tzinfo is not None:
        return told
    return datetime.fromtimestamp(blob.path.stat().st_mtime, UTC)


def _copies(
    install: Install, blob: Blob, found: tuple[Placement, ...], rooms: Rooms
) -> tuple[Placement, ...]:
    """Where a copy that we made lies under one of the two names that we give."""
    seen = {place.path for place in found}
    wished = places_for(install.model_type, install.file_name, rooms)
    marked = (Placement(p.layout, links.free_name(p.path, blob.sha256)) for p in wished)
    return tuple(
        place
        for place in (*wished, *marked)
        if place.path not in seen and links.is_a_copy_of_ours(place.path, blob)
    )
