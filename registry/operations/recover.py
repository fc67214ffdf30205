"""Finish or drop what an earlier run began and did not live to finish."""

import logging

from registry.operations.install import place_links
from registry.operations.rooms import Rooms

logger = logging.getLogger(__name__)


def recover(rooms: Rooms) -> int:
    """Bring every half-done install to an end; returns how many there were.

    An intent whose bytes are in the store is completed; one without bytes is dropped: its part
    file, if any, stays and the next install of it goes on there.
    """
    pending = rooms.catalog.installs.pending()
    for intent, record, places in pending:
        if not rooms.store.has(record.sha256):
            rooms.catalog.installs.abandon(intent)
            logger.info("dropped the unfinished install of %s", record.file_name)
            continue
        blob = rooms.store.blob(record.sha256)
        linked, _ = place_links(blob, places, rooms)
        rooms.catalog.installs.complete(intent, linked, blob, at=rooms.clock())
        logger.info("finished the install of %s", record.file_name)
    if pending:
        rooms.store.sweep()
    return len(pending)
