"""Finish or drop what an earlier run began and did not live to finish."""

import contextlib
import logging
from dataclasses import dataclass
from datetime import timedelta

from registry.catalog.install_records import Intent
from registry.domain.progress import Progress
from registry.errors import StoreError
from registry.operations.place_links import place_links
from registry.operations.rooms import Rooms
from registry.operations.written_beside import note

logger = logging.getLogger(__name__)

# From its intent to its record an install takes seconds.
_LONGEST_INSTALL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one install that somebody began.

    Attributes:
        outcome: ``finished``; ``dropped``, if its bytes never arrived; ``left`` as it is.
        because: Why it was left.
    """

    file_name: str
    outcome: str
    because: str | None = None


def recover(rooms: Rooms) -> tuple[Recovered, ...]:
    """Bring every install that somebody began and left to an end; says what became of each.

    An intent whose bytes are in the store is completed; one without bytes is dropped: its part
    file, if any, stays and the next install of it goes on there.
    """
    pending = rooms.catalog.installs.pending()
    recovered = tuple(_recover(intent, rooms) for intent in pending)
    if pending:
        with contextlib.suppress(StoreError):
            rooms.store.sweep()
    with contextlib.suppress(StoreError):
        rooms.downloader.tidy()
    return recovered


def _recover(intent: Intent, rooms: Rooms) -> Recovered:
    # Whoever holds the claim is alive and finishes it. What the disk refuses now stays intended: a
    # command that has nothing to do with it must not fail for it.
    name = intent.install.file_name
    if not _is_left(intent, rooms):
        return Recovered(name, "left", "somebody may be at work on it: there are no locks here")
    try:
        with rooms.downloader.claim(intent.install.sha256, Progress(), wait_s=0):
            outcome = _finish_or_drop(intent, rooms)
    except StoreError as error:
        logger.info("%s stays unfinished: %s", name, error)
        return Recovered(name, "left", str(error))
    logger.info("%s the install of %s", outcome, name)
    return Recovered(name, outcome)


def _is_left(intent: Intent, rooms: Rooms) -> bool:
    """Whether nobody is at work on it: where locks do not lock, its age must tell."""
    return rooms.downloader.can_lock or (
        abs(rooms.clock() - intent.install.installed_at) > _LONGEST_INSTALL
    )


def _finish_or_drop(intent: Intent, rooms: Rooms) -> str:
    record = intent.install
    if intent not in rooms.catalog.installs.pending():
        return "finished"  # while we asked for the claim
    if not rooms.store.has(record.sha256):
        rooms.catalog.installs.abandon(intent.id)
        return "dropped"
    blob = rooms.store.blob(record.sha256)
    note([record], rooms)
    placed = place_links(blob, intent.placements, rooms)
    rooms.catalog.installs.complete(intent.id, placed.links, blob, at=rooms.clock())
    return "finished"
