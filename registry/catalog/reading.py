"""What it takes to ask the database something."""

from collections.abc import Sequence
from typing import Any, Protocol

Row = Sequence[Any]


class Reading(Protocol):
    """Whatever answers a query: a reader, or a writer in the middle of its transaction."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[Row]:
        """All rows of a SELECT."""
