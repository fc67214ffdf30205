"""Finish or drop what an earlier run began and did not live to finish."""

import contextlib
import logging
from datetime import timedelta

from registry.catalog.install_records import Intent
from registry.domain.progress import Progress
from registry.errors import StoreError
from registry.operations.place_links import place_links
from registry.operations.rooms import Rooms

logger = logging.getLogger(__name__)

# From its intent to its record an install takes seconds.
_LONGEST_INSTALL = timedelta(days=1)


def recover(rooms: Rooms) -> int:
    """Bring every install that somebody began and left to an end; returns how many were open.

    An intent whose bytes are in the store is completed; one without bytes is dropped: its part
    file, if any, stays and the next install of it goes on there.
    """
    pending = rooms.catalog.installs.pending()
    for intent in pending:
        # Whoever holds the claim is alive and finishes it. What the disk refuses now stays
        # intended: a command that has nothing to do with it must not fail for it.
        try:
            if not _is_left(intent, rooms):
                continue
            with rooms.downloader.claim(intent.install.sha256, Progress(), wait_s=0):
                _finish_or_drop(intent, rooms)
        except StoreError as error:
            logger.info("%s stays unfinished: %s", intent.install.file_name, error)
    if pending:
        with contextlib.suppress(StoreError):
            rooms.store.sweep()
    with contextlib.suppress(StoreError):
        rooms.downloader.tidy()
    return len(pending)


def _is_left(intent: Intent, rooms: Rooms) -> bool:
    """Whether nobody is at work on it: where locks do not lock, its age must tell."""
    return rooms.downloader.can_lock or (
        abs(rooms.clock() - intent.install.installed_at) > _LONGEST_INSTALL
    )


def _finish_or_drop(intent: Intent, rooms: Rooms) -> None:
    record = intent.install
    if intent not in rooms.catalog.installs.pending():
        return  # it was finished while we asked for the claim
    if not rooms.store.has(record.sha256):
        rooms.catalog.installs.abandon(intent.id)
        logger.info("dropped the unfinished install of %s", record.file_name)
        return
    blob = rooms.store.blob(record.sha256)
    placed = place_links(blob, intent.placements, rooms)
    rooms.catalog.installs.complete(intent.id, placed.links, blob, at=rooms.clock())
    logger.info("finished the install of %s", record.file_name)
