"""Link stored bytes into the folders that want them, and say what became of each place."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.install import Blob, Install, Link, Placement
from registry.errors import FormatError, LinkRefused, NotEnoughSpace, PlaceTaken, StoreUnwritable
from registry.formats.safetensors import check_whole
from registry.operations.rooms import Rooms
from registry.store import links


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of the places of one blob.

    Attributes:
        links: Those that lead to the blob.
        yours: Places where the user's own equal files lie.
        refused: Why a place took no link, or none under its own name because half a file lies
            there, in sentences; the others have theirs all the same.
    """

    links: tuple[Link, ...]
    yours: tuple[Path, ...]
    refused: tuple[str, ...]


def complete_links(
    install: Install, blob: Blob, places: tuple[Placement, ...], rooms: Rooms
) -> tuple[Placed, tuple[Link, ...], Install]:
    """Make and record the links of an install that are not there.

    Returns:
        What became of the places, the links that are new on the disk, the install with all links.
    """
    there = {link.path for link in install.links if os.path.lexists(link.path)}
    placed = place_links(blob, places, rooms)
    new = tuple(link for link in placed.links if link.path not in there)
    if new and install.id is not None:
        rooms.catalog.installs.add_links(install.id, new)
    made = {link.path for link in new}
    others = tuple(link for link in install.links if link.path not in made)
    return placed, new, replace(install, links=(*others, *new))


def place_links(blob: Blob, places: tuple[Placement, ...], rooms: Rooms) -> Placed:
    """Link a blob into every place that takes it.

    A name that another file holds is left alone: ours gets a short hash in its name.
    """
    made: list[Link] = []
    yours: list[Path] = []
    refused: list[str] = []
    for place in places:
        if links.is_the_users(place.path, blob, known=rooms.catalog.installs.owner_of):
            yours.append(place.path)
            continue
        try:
            link = _link(blob, place, rooms)
            made.append(link)
            if link.path != place.path and (half := _half_written(place.path)):
                refused.append(f"{half}; it was left as it is, and ours is {link.path.name}")
        except (LinkRefused, StoreUnwritable, NotEnoughSpace, PlaceTaken) as error:
            refused.append(f"not linked into {place.layout}: {error}")
    return Placed(tuple(made), tuple(yours), tuple(refused))


def _link(blob: Blob, place: Placement, rooms: Rooms) -> Link:
    durable = rooms.store.durable
    try:
        return links.link(blob, place.path, layout=place.layout, durable=durable)
    except PlaceTaken:
        free = links.free_name(place.path, blob.sha256)
        return links.link(blob, free, layout=place.layout, durable=durable)


def _half_written(path: Path) -> str | None:
    """What is wrong with a file of another program that breaks off before its tensors end."""
    if path.suffix.casefold() != ".safetensors" or not path.is_file():
        return None
    try:
        check_whole(path)
    except FormatError as error:
        return str(error)
    return None
