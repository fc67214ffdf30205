"""Hashes of a file's pieces: which pieces of two files differ, and which bytes those are."""

from collections.abc import Iterable
from dataclasses import dataclass

PIECE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PieceMap:
    """A BLAKE3 for every piece of one file; the last piece may be shorter.

    Attributes:
        size_bytes: Length of the file.
        digests: 64 hexadecimal digits a piece, in file order.
        piece_bytes: Length of a piece.

    Raises:
        ValueError: The lengths make no sense, or there are more or fewer digests than pieces.

    Example:
        >>> pieces = PieceMap(10, ("a", "b", "c"), piece_bytes=4)
        >>> pieces.differing(PieceMap(10, ("a", "x", "y"), piece_bytes=4))
        (1, 2)
        >>> pieces.ranges((1, 2)), pieces.ranges((0, 2))
        (((4, 10),), ((0, 4), (8, 10)))
    """

    size_bytes: int
    digests: tuple[str, ...]
    piece_bytes: int = PIECE_BYTES

    def __post_init__(self) -> None:
        wanted = count_pieces(self.size_bytes, self.piece_bytes)
        if len(self.digests) != wanted:
            raise ValueError(
                f"{self.size_bytes} bytes have {wanted} pieces, not {len(self.digests)}"
            )

    def span(self, index: int) -> tuple[int, int]:
        """First byte and the byte behind the last of piece `index`.

        Raises:
            IndexError: The file has no such piece.
        """
        if not 0 <= index < len(self.digests):
            raise IndexError(f"there is no piece {index}, only {len(self.digests)}")
        begin = index * self.piece_bytes
        return begin, min(begin + self.piece_bytes, self.size_bytes)

    def differing(self, other: "PieceMap") -> tuple[int, ...]:
        """Indices of our pieces that `other` does not hold at the same place."""
        if other.piece_bytes != self.piece_bytes:
            raise ValueError("maps of different piece lengths cannot be compared")
        return tuple(
            index
            for index, digest in enumerate(self.digests)
            if index >= len(other.digests) or other.digests[index] != digest
        )

    def ranges(self, indices: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """Byte ranges (begin, end) of these pieces, neighbours joined.

        Raises:
            IndexError: The file has no such piece.
        """
        joined: list[tuple[int, int]] = []
        for index in sorted(set(indices)):
            begin, end = self.span(index)
            if joined and joined[-1][1] == begin:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((begin, end))
        return tuple(joined)


def count_pieces(size_bytes: int, piece_bytes: int = PIECE_BYTES) -> int:
    """How many pieces a file of this length has.

    Raises:
        ValueError: A length is negative, or a piece has none.
    """
    if size_bytes < 0 or piece_bytes < 1:
        raise ValueError(f"{size_bytes} bytes cannot be cut into pieces of {piece_bytes}")
    return -(-size_bytes // piece_bytes)
