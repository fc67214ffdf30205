"""From what the user typed to one model of the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.domain.hashes import Hash, Hashes
from registry.domain.model import Model
from registry.domain.reference import HashRef, HubRef, NameRef, UrlRef, parse
from registry.errors import AmbiguousReference, InvalidReference, UnknownModel
from registry.hubs import claim
from registry.hubs.hub import Hub
from registry.operations.rooms import Rooms
from registry.resolve.preference import Preference


@dataclass(frozen=True, slots=True)
class Found:
    """A model, and the wish as far as the reference itself says it (a version, a file)."""

    reference: str
    model: Model
    wish: Preference


def find_model(text: str, wish: Preference, rooms: Rooms) -> Found:
    """Find what `text` refers to: in the catalog first, then at the hub that owns it.

    What a hub tells is kept in the catalog.

    Raises:
        InvalidReference: It has no form that we know.
        UnknownModel: Nobody knows it.
        AmbiguousReference: A short hash that different files share.
        HubError: The hub that owns the reference does not answer, or says no.
    """
    try:
        reference = parse(text)
    except ValueError as error:
        raise InvalidReference(text, str(error)) from error
    match reference:
        case NameRef(name):
            return Found(text, _by_name(name, rooms), wish)
        case HashRef(wanted):
            return _by_hash(text, wanted, wish, rooms)
        case HubRef() | UrlRef():
            hub, claimed = claim(reference, rooms.hubs.values())
            return _by_hub(text, hub, claimed, wish, rooms)


def _by_name(name: str, rooms: Rooms) -> Model:
    model = rooms.catalog.models.find(name)
    if model is None:
        raise UnknownModel(name, rooms.catalog.models.near(name))
    return model


def _by_hub(
    text: str, hub: Hub, reference: HubRef | UrlRef, wish: Preference, rooms: Rooms
) -> Found:
    if isinstance(reference, UrlRef):
        model = rooms.catalog.models.save(hub.find(reference))
        return Found(text, model, wish)
    known = rooms.catalog.models.by_hub(reference)
    if known is None:
        found = hub.find(reference)
        rooms.catalog.models.save(found)
        known = rooms.catalog.models.by_hub(reference) or found
    if reference.file is not None and wish.file is None:
        wish = replace(wish, file=reference.file)
    return Found(text, known, wish)


def _by_hash(text: str, wanted: Hash, wish: Preference, rooms: Rooms) -> Found:
    hits = rooms.catalog.models.by_hash(wanted)
    if not hits:
        for model in ask_hubs(wanted, rooms.hubs.values()):
            rooms.catalog.models.save(model)
        hits = rooms.catalog.models.by_hash(wanted)
    if not hits:
        raise UnknownModel(text)
    different = {file.hashes.sha256 or file.name for _, _, file in hits}
    if len(different) > 1:
        # AutoV1 and CRC32 collide: three unrelated models share e02601f3.
        names = tuple(
            f"sha256:{file.hashes.sha256} ({model.slug})"
            for model, _, file in hits
            if file.hashes.sha256
        )
        raise AmbiguousReference(text, names)
    model, _, file = hits[0]
    this = file.hashes.sha256 or str(file.id)
    return Found(text, model, replace(wish, file=wish.file or this))


def ask_hubs(wanted: Hash, hubs: Iterable[Hub]) -> tuple[Model, ...]:
    """Ask every hub for files with this hash; hubs that cannot search by hash know none."""
    return tuple(model for hub in hubs for model in hub.by_hash(wanted))


def with_expected_hash(model: Model, sha256: Hash) -> Model:
    """The same model, whose files are all expected to have this SHA-256 (the user says so)."""
    versions = tuple(
        replace(
            version,
            files=tuple(
                replace(file, hashes=Hashes.collect((sha256, *file.hashes)))
                for file in version.files
            ),
        )
        for version in model.versions
    )
    return replace(model, versions=versions)
