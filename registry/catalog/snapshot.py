"""What a hub said, word for word."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One answer of a hub. Snapshots are only ever added.

    Attributes:
        hub: Name of the hub.
        reference: What was asked for, as `str(HubRef)`.
        fetched_at: When; aware.
        status: The answer's HTTP status.
        body: Its text, without anything secret.
    """

    hub: str
    reference: str
    fetched_at: datetime
    status: int
    body: str
