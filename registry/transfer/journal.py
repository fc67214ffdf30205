"""What a part file is a part of, and which of its pieces are finished: the text beside it.

It never holds a token or a signed address: only the source in the hub's own, lasting ids.
"""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from registry.domain.pieces import PIECE_BYTES, count_pieces
from registry.domain.source import Source

_VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_JOURNAL_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Journal:
    """What is known about a part.

    Attributes:
        source: Where the bytes came from, without secrets.
        file_name: What the hub calls the file.
        size_bytes: Length of the whole file.
        validator: Strong ETag or Last-Modified of the file at that source.
        pieces: Digest of every finished piece.
    """

    source: str
    file_name: str
    size_bytes: int
    validator: str | None = None
    pieces: dict[int, str] = field(default_factory=dict)
    piece_bytes: int = PIECE_BYTES

    @property
    def done_bytes(self) -> int:
        """How many bytes the finished pieces have."""
        ends = ((n * self.piece_bytes, (n + 1) * self.piece_bytes) for n in self.pieces)
        return sum(min(end, self.size_bytes) - begin for begin, end in ends)

    def to_text(self) -> str:
        """As it is written to the disk."""
        return json.dumps(
            {
                "version": _VERSION,
                "source": self.source,
                "file_name": self.file_name,
                "size_bytes": self.size_bytes,
                "validator": self.validator,
                "piece_bytes": self.piece_bytes,
                "pieces": {str(index): self.pieces[index] for index in sorted(self.pieces)},
            },
            indent=0,
        )

    @classmethod
    def from_text(cls, text: str) -> "Journal | None":
        """Read it back; None for anything that we did not write whole."""
        try:
            told = json.loads(text)
            if told["version"] != _VERSION:
                return None
            journal = cls(
                source=str(told["source"]),
                file_name=str(told["file_name"]),
                size_bytes=int(told["size_bytes"]),
                validator=None if told["validator"] is None else str(told["validator"]),
                pieces={int(index): str(told["pieces"][index]) for index in told["pieces"]},
                piece_bytes=int(told["piece_bytes"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return journal if journal._is_sound() else None

    def _is_sound(self) -> bool:
        if self.size_bytes <= 0 or self.piece_bytes != PIECE_BYTES:
            return False
        count = count_pieces(self.size_bytes, self.piece_bytes)
        return all(
            0 <= index < count and _DIGEST.fullmatch(digest)
            for index, digest in self.pieces.items()
        )


def lasting_name(source: Source) -> str:
    """The source as it may be written down: an address loses its user, query and fragment.

    Example:
        >>> lasting_name(Source("direct", url="https://me:pw@example.org/x.bin?token=1#here"))
        'https://example.org/x.bin?…'
        >>> lasting_name(Source("civitai", model="66", version="75"))
        'civitai:66@75'
    """
    text = str(source)
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return text.partition("?")[0]
    bare = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return f"{bare}?…" if parts.query else bare
