"""From a finding to the bytes that must come from elsewhere. Pure."""

from dataclasses import dataclass

from registry.domain.audit import Finding, FindingKind
from registry.domain.pieces import PieceMap


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """How one stored file is mended.

    Attributes:
        ranges: Bytes (begin, end) that are not to be had from the file itself.
        fetch_bytes: How many that are: so many come over the network at most.
    """

    sha256: str
    ranges: tuple[tuple[int, int], ...]
    fetch_bytes: int


_WITHOUT_BYTES = frozenset({FindingKind.MISSING, FindingKind.MOVED})
_BY_PIECE = frozenset({FindingKind.ROT, FindingKind.FLAKY_READ, FindingKind.UNREADABLE})


def plan_repair(finding: Finding, pieces: PieceMap | None, size_bytes: int) -> RepairPlan | None:
    """Plan the repair of a stored file; None if other bytes would not help.

    Args:
        finding: What was found about it.
        pieces: Its piece map, if there is one.
        size_bytes: Its length.
    """
    whole = ((0, size_bytes),) if size_bytes else ()
    if finding.kind is FindingKind.EDITED:
        # The tensors are there, and the header of then lies beside the file: so it was told.
        return RepairPlan(finding.sha256, (), 0)
    if finding.kind in _WITHOUT_BYTES or (finding.kind in _BY_PIECE and pieces is None):
        return RepairPlan(finding.sha256, whole, size_bytes)
    if finding.kind in _BY_PIECE and pieces is not None:
        # No piece is named where none could be read; and one that only grew needs none.
        unknown = finding.kind is FindingKind.UNREADABLE and not finding.pieces
        ranges = whole if unknown else pieces.ranges(finding.pieces)
        return RepairPlan(finding.sha256, ranges, sum(end - begin for begin, end in ranges))
    return None
