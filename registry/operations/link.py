"""Link what is installed into the folders of the UIs that are configured now."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.install import Install, Link
from registry.operations.place_links import complete_links
from registry.operations.plan_install import places_for
from registry.operations.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Linked:
    """The links of one install.

    Attributes:
        new: Links that were made now.
        yours: Places where the user's own copy of the same bytes lies.
        refused: Why a place took no link, in sentences.
    """

    install: Install
    new: tuple[Link, ...]
    yours: tuple[Path, ...]
    refused: tuple[str, ...]


def link(install: Install, rooms: Rooms) -> Linked:
    """Make the links that are missing; those that are there stay.

    Raises:
        BlobMissing: The bytes are gone; `repair` brings them back.
    """
    blob = rooms.store.blob(install.sha256)
    places = places_for(install.model_type, install.file_name, rooms)
    placed, new, install = complete_links(install, blob, places, rooms)
    return Linked(install, new, placed.yours, placed.refused)
