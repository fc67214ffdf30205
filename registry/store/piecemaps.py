"""The document beside a blob: its length, its piece map, and what a rebuild would want to know.

A blob can be mended piece by piece only while this document is right, and a catalog that was lost
is rebuilt from it. So it carries a hash of itself: one that is torn, rotten or foreign counts as
absent, which costs a longer repair, while one that lies would spoil good bytes.
"""

import base64
import json
import logging
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import blake3

from registry.domain.pieces import PieceMap
from registry.store.disk import write_whole

logger = logging.getLogger(__name__)

_SCHEMA = "sdreg.blob/1"
_LARGEST_BYTES = 64 * 1024 * 1024
_NO_FACTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """What is known about one blob without the catalog.

    Attributes:
        sha256: Its name.
        size_bytes: Its length.
        blake3: Digits of its BLAKE3, if it was measured.
        pieces: A hash per piece, if they were measured.
        facts: Where it came from and what it was called, in words of the operations.
        header: What a safetensors file begins with, up to its tensors. Programs that edit the
            metadata of a model change nothing else of it.
        further: The same for every other install of these bytes; None if an older sdreg wrote the
            document, which kept those of the first one only.
    """

    sha256: str
    size_bytes: int
    blake3: str | None = None
    pieces: PieceMap | None = None
    facts: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS)
    header: bytes | None = None
    further: tuple[Mapping[str, str], ...] | None = ()


def save(path: Path, record: BlobRecord, *, durable: bool) -> None:
    """Write the document; whoever reads meets the old one or the new one.

    Raises:
        OSError: The disk refuses; the old one stays.
    """
    document: dict[str, object] = {
        "schema": _SCHEMA,
        "sha256": record.sha256,
        "size_bytes": record.size_bytes,
        "blake3": record.blake3,
        "piece_bytes": record.pieces.piece_bytes if record.pieces else None,
        "pieces": list(record.pieces.digests) if record.pieces else None,
        "header": _packed(record.header),
        "facts": dict(record.facts),
    }
    if record.further is not None:
        document["further"] = [dict(facts) for facts in record.further]
    document["check"] = _check(document)
    write_whole(path, json.dumps(document, indent=1).encode(), durable=durable)


def load(path: Path, sha256: str) -> BlobRecord | None:
    """Read the document of the blob `sha256`; None if there is none that can be trusted."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_BYTES:
            return None
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.warning("%s cannot be read: %s", path, error)
        return None
    record = _parse(text)
    if record is None or record.sha256 != sha256:
        logger.warning("%s is damaged or foreign; it counts as absent", path)
        return None
    return record


def _parse(text: bytes) -> BlobRecord | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        return None
    if document.pop("check", None) != _check(document):
        return None
    match document:
        case {
            "sha256": str(sha256),
            "size_bytes": int(size_bytes),
            "blake3": str() | None as tree,
            "piece_bytes": int() | None as piece_bytes,
            "pieces": list() | None as digests,
            "facts": dict(facts),
        }:
            header = document.get("header")  # documents of an older sdreg have none
            further = document.get("further")
        case _:
            return None
    if not isinstance(further, list | None) or not all(isinstance(f, dict) for f in further or ()):
        return None
    told = (facts, *(further or ()))
    texts = (*(digests or ()), *(text for each in told for pair in each.items() for text in pair))
    if not all(isinstance(text, str) for text in texts):
        return None
    pieces = None
    if digests is not None and piece_bytes is not None:
        try:
            pieces = PieceMap(size_bytes, tuple(digests), piece_bytes)
        except ValueError:
            return None
    others = None if further is None else tuple(further)
    return BlobRecord(sha256, size_bytes, tree, pieces, facts, _unpacked(header), others)


def _packed(header: bytes | None) -> str | None:
    return base64.b64encode(zlib.compress(header)).decode() if header is not None else None


def _unpacked(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        unpacking = zlib.decompressobj()
        header = unpacking.decompress(base64.b64decode(text), _LARGEST_BYTES)
    except (ValueError, zlib.error):
        return None
    return header if unpacking.eof else None


def _check(document: dict[str, object]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return blake3.blake3(canonical.encode()).hexdigest()
