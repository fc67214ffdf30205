"""From a finding to the bytes that must be fetched again. Pure."""

from dataclasses import dataclass

from registry.domain.audit import Finding, FindingKind
from registry.domain.pieces import PieceMap


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """How one blob is mended.

    Attributes:
        ranges: Bytes (begin, end) to fetch into a copy; empty means the whole file.
        fetch_bytes: How many that are.
    """

    sha256: str
    ranges: tuple[tuple[int, int], ...]
    fetch_bytes: int

    @property
    def whole(self) -> bool:
        """Whether the file must be fetched from its first byte to its last."""
        return not self.ranges


_MENDED_BY_PIECE = frozenset({FindingKind.DAMAGED})
_MENDED_WHOLE = frozenset({FindingKind.MISSING, FindingKind.UNREADABLE})


def plan_repair(finding: Finding, pieces: PieceMap | None, size_bytes: int) -> RepairPlan | None:
    """Plan the repair of a blob; None if fetching bytes would not help.

    Args:
        finding: What was found about the blob.
        pieces: Its piece map, if there is one.
        size_bytes: Its length, for a plan without one.
    """
    if finding.kind in _MENDED_BY_PIECE and pieces is not None and finding.pieces:
        ranges = pieces.ranges(finding.pieces)
        return RepairPlan(finding.sha256, ranges, sum(end - begin for begin, end in ranges))
    if finding.kind in _MENDED_BY_PIECE | _MENDED_WHOLE:
        return RepairPlan(finding.sha256, (), size_bytes)
    return None
