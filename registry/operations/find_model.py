"""From what the user typed to one model of the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.domain.hashes import Hash
from registry.domain.model import Model
from registry.domain.progress import Progress
from registry.domain.reference import HashRef, HubRef, NameRef, UrlRef, parse
from registry.errors import (
    AmbiguousReference,
    HubError,
    InvalidReference,
    SdregError,
    UnknownModel,
)
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
    return _found(text, _owned(text, rooms), wish, rooms)


def find_models(
    texts: Iterable[str], wish: Preference, rooms: Rooms
) -> dict[str, Found | SdregError]:
    """Find what each of several texts refers to, or why not.

    What hubs make of plain addresses is kept in the catalog all together.

    Raises:
        StoreError: The catalog takes nothing.
    """
    found: dict[str, Found | SdregError] = {}
    addressed: dict[str, Model] = {}
    for text in texts:
        try:
            match _owned(text, rooms):
                case hub, UrlRef() as address:
                    addressed[text] = hub.find(address)
                case owned:
                    found[text] = _found(text, owned, wish, rooms)
        except SdregError as error:
            found[text] = error
    kept = rooms.catalog.models.save_all(addressed.values())
    for text, model in zip(addressed, kept, strict=True):
        found[text] = Found(text, model, wish)
    return found


Owned = NameRef | HashRef | tuple[Hub, HubRef | UrlRef]


def _owned(text: str, rooms: Rooms) -> Owned:
    """What a text says, with the hub that owns it where it is not the catalog's to know."""
    try:
        reference = parse(text)
    except ValueError as error:
        raise InvalidReference(text, str(error)) from error
    if isinstance(reference, NameRef | HashRef):
        return reference
    return claim(reference, rooms.hubs.values())


def _found(text: str, owned: Owned, wish: Preference, rooms: Rooms) -> Found:
    match owned:
        case NameRef(name):
            return Found(text, _by_name(name, rooms), wish)
        case HashRef(wanted):
            return _by_hash(text, wanted, wish, rooms)
        case hub, UrlRef() as address:
            return Found(text, rooms.catalog.models.save(hub.find(address)), wish)
        case hub, reference:
            return _by_hub(text, hub, reference, wish, rooms)


def _by_name(name: str, rooms: Rooms) -> Model:
    model = rooms.catalog.models.find(name)
    if model is None:
        raise UnknownModel(name, rooms.catalog.models.near(name))
    return model


def _by_hub(text: str, hub: Hub, reference: HubRef, wish: Preference, rooms: Rooms) -> Found:
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
        ask_hubs(wanted, rooms, Progress())
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


def ask_hubs(wanted: Hash, rooms: Rooms, progress: Progress) -> tuple[Model, ...]:
    """Ask every hub for files with this hash, and keep what they tell in the catalog.

    Raises:
        HubError: Nobody knows it, and this hub could not be asked.
    """
    found: list[Model] = []
    failures: list[HubError] = []
    for hub in rooms.hubs.values():
        try:
            models = hub.by_hash(wanted)
        except HubError as error:
            failures.append(error)
            progress.say(f"{hub.title}: {error}")
        else:
            found += [rooms.catalog.models.save(model) for model in models]
    if failures and not found:
        raise failures[0]
    return tuple(found)
