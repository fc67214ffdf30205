"""Metalink documents (RFC 5854): what other programs check and repair files by. Pure."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from registry.domain.pieces import PIECE_BYTES, count_pieces

MEDIA_TYPE = "application/metalink4+xml"
_NAMESPACE = "urn:ietf:params:xml:ns:metalink"
_HASH_TYPE = "sha-256"
_MOST_PIECES = 32_768
# What XML 1.0 cannot hold, not even as a reference (section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class MetalinkFile:
    """One file of a document.

    Attributes:
        name: A file name, never a path.
        size_bytes: Its length.
        sha256: Digits of the whole file.
        piece_bytes: Length of a piece; the last one may be shorter.
        pieces: Digits of the SHA-256 of every piece, in file order.
        addresses: Where it can be had, best first; without any a program can check the file and
            not repair it.

    Raises:
        ValueError: The name is a path, or there are more or fewer hashes than pieces.
    """

    name: str
    size_bytes: int
    sha256: str
    piece_bytes: int
    pieces: tuple[str, ...]
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name in {".", ".."} or set(self.name) & set("/\\"):
            raise ValueError(f"{self.name!r} is not the name of a file")
        wanted = count_pieces(self.size_bytes, self.piece_bytes)
        if len(self.pieces) != wanted:
            raise ValueError(f"{self.size_bytes} bytes have {wanted} pieces")


def piece_length(size_bytes: int) -> int:
    """How long the pieces of a file are: 4 MiB, and more where it would have too many.

    Example:
        >>> piece_length(7), piece_length(128 * 1024**3), piece_length(128 * 1024**3 + 1)
        (4194304, 4194304, 8388608)
    """
    length = PIECE_BYTES
    while count_pieces(size_bytes, length) > _MOST_PIECES:
        length *= 2
    return length


def xml_text(text: str) -> str:
    r"""A text in which every sign can stand in XML.

    Example:
        >>> xml_text("a\x1b\ufffe & b")
        'a__ & b'
    """
    return _NO_XML.sub("_", text)


def document(files: Iterable[MetalinkFile], *, generator: str) -> str:
    """The text of a document, in ASCII: other letters stand in it as references.

    Args:
        files: What it describes.
        generator: The program that writes it, with its version.
    """
    root = ET.Element("metalink", xmlns=_NAMESPACE)
    _add(root, "generator", generator)
    for file in files:
        entry = ET.SubElement(root, "file", name=xml_text(file.name))
        _add(entry, "size", str(file.size_bytes))
        _add(entry, "hash", file.sha256, type=_HASH_TYPE)
        if file.pieces:
            length = str(file.piece_bytes)
            pieces = ET.SubElement(entry, "pieces", length=length, type=_HASH_TYPE)
            for digits in file.pieces:
                _add(pieces, "hash", digits)
        for priority, address in enumerate(file.addresses, 1):
            _add(entry, "url", address, priority=str(priority))
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = xml_text(text)
