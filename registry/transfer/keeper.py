"""Write the journal now and then, so that little is lost when we are."""

import time
from dataclasses import replace

from registry.transfer.coverage import Coverage
from registry.transfer.journal import Journal
from registry.transfer.options import TransferOptions
from registry.transfer.partial import Part

# A slow disk must not spend more than a sixth of the time on journals.
_REST = 5


class Keeper:
    """Keeps the journal of one part.

    Args:
        part: Where to write it.
        journal: What does not change: source, size, validator.
        coverage: Knows which pieces are finished.
        options: How often to write.
    """

    def __init__(
        self, part: Part, journal: Journal, coverage: Coverage, options: TransferOptions
    ) -> None:
        self._part = part
        self._journal = journal
        self._coverage = coverage
        self._every_s = options.checkpoint_every_s
        self._due_at = time.monotonic() + self._every_s

    def keep_if_due(self) -> None:
        """Write the journal, but spend little of the time on it."""
        begun = time.monotonic()
        if begun >= self._due_at:
            self.keep()
            now = time.monotonic()
            self._due_at = now + max(self._every_s, _REST * (now - begun))

    def keep(self) -> None:
        """Write the journal: first what it names is synced."""
        digests = self._coverage.digests()
        self._part.save(replace(self._journal, pieces=digests))
