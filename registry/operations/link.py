"""Link what is installed into the folders of the UIs that are configured now."""

from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.install import Install, Link
from registry.operations.install import place_links
from registry.operations.plan_install import places_for
from registry.operations.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Linked:
    """The links of one install.

    Attributes:
        new: Links that were made now.
        yours: Places where the user's own copy of the same bytes lies.
    """

    install: Install
    new: tuple[Link, ...]
    yours: tuple[Path, ...]


def link(install: Install, rooms: Rooms) -> Linked:
    """Make the links that are missing; those that are there stay.

    Raises:
        BlobMissing: The bytes are gone; `repair` brings them back.
        LinkRefused: A folder takes no link and no copy.
    """
    blob = rooms.store.blob(install.sha256)
    places = places_for(install.model_type, install.file_name, rooms)
    made, yours = place_links(blob, places, rooms)
    have = {old.path for old in install.links}
    new = tuple(entry for entry in made if entry.path not in have)
    if new and install.id is not None:
        rooms.catalog.installs.add_links(install.id, new)
    return Linked(replace(install, links=(*install.links, *new)), new, yours)
