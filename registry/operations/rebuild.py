"""Write the records of installs again, from what lies beside the stored files and in the folders.

Each record is one intent before, as at an install: whatever is interrupted is ended by
`recover` or by the next rebuild. Nothing on the disk is changed but the catalog.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from registry.operations.written_beside import Facts, facts_of, key_of, told
from registry.store import links
from registry.store.garbage import removable
from registry.store.paths import safe_name
from registry.taxonomy.lookup import model_types

LOST = (
    "when files were last verified, what audits found, and the results of smoke tests",
    "the schedule of audits: `sdreg audit schedule` sets it again",
    "which disputed hashes you accepted: such a file counts as unproven, and is asked for again",
    "models that only a hub described: `sdreg show REFERENCE` asks it again",
    "models of your own catalog files: `sdreg catalog add FILE` takes them in again",
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
    """Give every stored file the records back that are written beside it and that are not there.

    Raises:
        StoreError: The disk refuses.
        CatalogError: The catalog cannot be written.
    """
    lost = _lost(rooms)
    names = names_found(lost, rooms)
    installs: list[Install] = []
    unknown: list[str] = []
    busy: list[str] = []
    for sha256, facts in lost.items():
        if not facts:
            unknown.append(sha256)
            continue
        try:
            with rooms.downloader.claim(sha256, Progress(), wait_s=0):
                installs += _write_again(sha256, facts, names.get(sha256, ()), rooms)
        except InUse:
            busy.append(sha256)
    bare = tuple(install.file_name for install in installs if not install.links)
    return Rebuilt(tuple(installs), bare, tuple(unknown), tuple(busy))


def _lost(rooms: Rooms) -> Mapping[str, Sequence[Facts]]:
    """What is written beside stored files of installs that have no record, by SHA-256.

    A file without any record is there in any case, even if nothing is written beside it.
    """
    recorded: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for install in _begun_or_done(rooms):
        recorded[install.sha256].add(key_of(facts_of(install)))
    lost = {}
    for sha256 in rooms.store.list():
        facts = [each for each in told(sha256, rooms) if key_of(each) not in recorded[sha256]]
        if not recorded[sha256] or (facts and _is_kept_up(sha256, rooms)):
            lost[sha256] = facts
    return lost


def _is_kept_up(sha256: str, rooms: Rooms) -> bool:
    """Whether a removal was written there, too: an older sdreg left the first name standing."""
    record = rooms.store.record(sha256)
    return record is not None and record.further is not None


def _begun_or_done(rooms: Rooms) -> tuple[Install, ...]:
    records = rooms.catalog.installs
    return (*records.all(), *(intent.install for intent in records.pending()))


def without_record(rooms: Rooms) -> tuple[str, ...]:
    """Stored files that no install speaks of, neither finished nor begun."""
    referenced = {install.sha256 for install in _begun_or_done(rooms)}
    return removable(referenced=referenced, present=rooms.store.list())


def _write_again(
    sha256: str, facts: Sequence[Facts], found: tuple[Placement, ...], rooms: Rooms
) -> list[Install]:
    records = rooms.catalog.installs
    blob = rooms.store.blob(sha256)
    installs = [_install(blob, each, rooms) for each in facts]
    free = tuple(place for place in found if records.owner_of(place.path) is None)
    done = []
    for install, own in zip(installs, _shared_out(free, installs, rooms), strict=True):
        places = (*own, *_copies(install, blob, found, rooms))
        intent = records.intend(install, places)
        placed = place_links(blob, places, rooms)
        done.append(records.complete(intent, placed.links, blob, at=install.installed_at))
    return done


def _shared_out(
    found: tuple[Placement, ...], installs: Sequence[Install], rooms: Rooms
) -> list[tuple[Placement, ...]]:
    """Whose each name is: the last install's that would choose it, else the first one's."""
    wished = [{place.path for place in _choices(install, rooms)} for install in installs]
    shares: list[list[Placement]] = [[] for _ in installs]
    for place in found:
        takers = [at for at, paths in enumerate(wished) if place.path in paths]
        shares[takers[-1] if takers else 0].append(place)
    return [tuple(share) for share in shares]


def _install(blob: Blob, facts: Facts, rooms: Rooms) -> Install:
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
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment
    return datetime.fromtimestamp(blob.path.stat().st_mtime, UTC)


def _copies(
    install: Install, blob: Blob, found: tuple[Placement, ...], rooms: Rooms
) -> tuple[Placement, ...]:
    """Where a copy that we made lies under one of the two names that we give."""
    seen = {place.path for place in found}
    return tuple(
        place
        for place in _choices(install, rooms)
        if place.path not in seen and links.is_a_copy_of_ours(place.path, blob)
    )


def _choices(install: Install, rooms: Rooms) -> tuple[Placement, ...]:
    """The names that an install of ours would choose: the plain one, or with a short hash."""
    wished = places_for(install.model_type, install.file_name, rooms)
    marked = (Placement(p.layout, links.free_name(p.path, install.sha256)) for p in wished)
    return (*wished, *marked)
