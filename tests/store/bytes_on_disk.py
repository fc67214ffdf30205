"""Files as the transfer room hands them over."""

import hashlib

from blake3 import blake3

from registry.domain.hashes import Hashes
from registry.domain.install import FetchedFile
from registry.domain.pieces import PieceMap

WEIGHTS = bytes(range(256)) * 40
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


def piece_map(content, piece_bytes=4096):
    """The pieces of some bytes, short ones so that there are several."""
    cut = range(0, len(content), piece_bytes)
    digests = tuple(blake3(content[at : at + piece_bytes]).hexdigest() for at in cut)
    return PieceMap(len(content), digests, piece_bytes)


def make_fetched(path, content=WEIGHTS):
    """Write a part file and say what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return FetchedFile(
        path=path,
        size_bytes=len(content),
        hashes=Hashes.of(
            "sha256:" + hashlib.sha256(content).hexdigest(), "blake3:" + blake3(content).hexdigest()
        ),
        pieces=piece_map(content),
        fetched_bytes=len(content),
    )
