"""Hash a file in order while its pieces land out of order.

The first thread settles every piece: it takes it from memory if it is still there, else reads it
back from the page cache, and measures its BLAKE3, the BLAKE3 of the whole and the CRC-32. What is
next in file order it shares with the threads of the SHA-256 and the AutoV3, which so read nothing
themselves. hashlib and blake3 let other threads run meanwhile. A file of one piece needs none of
this: `measure_piece` hashes it where it is.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future

from blake3 import blake3
from zlib_ng.zlib_ng import crc32

from registry.domain.hashes import Hash, Hashes, HashKind, crc32_digits
from registry.domain.pieces import PieceMap
from registry.transfer.buffers import Buffers
from registry.transfer.coverage import Coverage, Parcel
from registry.transfer.relay import Relay

# Civitai's rules (StabilityMatrix' HashTask.cs; civitai's trigger truncate_autov3_hash).
_AUTOV1_BEGIN, _AUTOV1_BYTES, _AUTOV1_LEAST = 0x100000, 0x10000, 0x200000
_LONGEST_HEADER = 16 * 1024 * 1024
_BUFFERS = 3

Read = Callable[[int, memoryview], None]
"""Fill the buffer with the file's bytes from an offset on."""


class Hasher:
    """Measures everything that one pass can measure.

    Args:
        coverage: Says which pieces are there, and learns their digests.
        read: Reads back what was written.
        autov3_up_to_bytes: Safetensors files up to this length get an AutoV3 as well.
    """

    def __init__(self, coverage: Coverage, read: Read, *, autov3_up_to_bytes: int) -> None:
        self._coverage = coverage
        self._read = read
        self._autov3_up_to = autov3_up_to_bytes
        self._whole = blake3()
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._autov1: str | None = None
        self._autov3: str | None = None
        self._relay = Relay(readers=2)
        self._buffers = Buffers(_BUFFERS, coverage.piece_bytes)
        self._threads: list[Future[None]] = []

    def start(self, executor: Executor) -> None:
        """Begin to follow the pieces."""
        tasks = (self._settle_pieces, self._follow_sha256, self._follow_autov3)
        self._threads = [executor.submit(self._run, task) for task in tasks]
        for thread in self._threads:
            thread.add_done_callback(self._coverage.wake)

    @property
    def is_done(self) -> bool:
        """Whether every thread is done.

        Raises:
            StoreError: What was written cannot be read back.
        """
        done = [thread for thread in self._threads if thread.done()]
        for thread in done:
            thread.result()
        return bool(self._threads) and len(done) == len(self._threads)

    def result(self) -> tuple[Hashes, PieceMap]:
        """All hashes of the file; only when it is done."""
        size = self._coverage.size_bytes
        assert size is not None
        digests = self._coverage.digests()
        hashes = _collected(
            self._sha256.hexdigest(),
            self._whole.hexdigest(),
            self._crc,
            autov1=self._autov1 if size >= _AUTOV1_LEAST else None,
            autov3=self._autov3,
        )
        pieces = tuple(digests[index] for index in range(len(digests)))
        return hashes, PieceMap(size, pieces, self._coverage.piece_bytes)

    def settle_leftovers(self) -> None:
        """Give the last pieces their digests, so that a journal can name them."""
        buffer = memoryview(bytearray(self._coverage.piece_bytes))
        for index in self._coverage.leftovers():
            piece = self._read_back(index, buffer)
            self._coverage.settle(index, blake3(piece).hexdigest())

    def stop(self) -> None:
        """Send the threads home early."""
        self._coverage.stop()
        self._buffers.close()
        self._relay.close()

    def _run(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            self._relay.close()

    def _settle_pieces(self) -> None:
        in_order = 0
        while (index := self._coverage.next_to_hash(in_order)) is not None:
            parcel = self._coverage.parcel(index) or self._fetch(index)
            if parcel is None:
                return
            piece, release = parcel.piece, parcel.release
            is_right = self._coverage.is_settled(index) or self._coverage.settle(
                index, blake3(piece).hexdigest()
            )
            if is_right and index == in_order:
                self._relay.share(piece, release)
                self._whole.update(piece)
                self._crc = crc32(piece, self._crc)
                self._relay.let_go()
                in_order += 1
            else:
                release()

    def _follow_sha256(self) -> None:
        at = 0
        for piece in self._relay.listen(0):
            if at == 0:
                self._autov1 = _autov1_of(piece)
            self._sha256.update(piece)
            at += len(piece)

    def _follow_autov3(self) -> None:
        skip: int | None = None
        behind_header = hashlib.sha256()
        is_first = True
        for piece in self._relay.listen(1):
            if is_first:
                size = self._coverage.size_bytes
                skip, is_first = _tensors_begin(piece, size, self._autov3_up_to), False
            if skip is not None:
                behind_header.update(piece[skip:])
                skip = max(0, skip - len(piece))
        if skip is not None:
            self._autov3 = behind_header.hexdigest()

    def _fetch(self, index: int) -> Parcel | None:
        """The piece as it lies in the file; None when we stop."""
        buffer = self._buffers.take()
        if buffer is None:
            return None
        return Parcel(self._read_back(index, buffer), lambda: self._buffers.give_back(buffer))

    def _read_back(self, index: int, buffer: memoryview) -> memoryview:
        begin, end = self._coverage.span(index)
        piece = buffer[: end - begin]
        self._read(begin, piece)
        return piece


def measure_piece(piece: memoryview, *, autov3_up_to_bytes: int) -> tuple[Hashes, PieceMap]:
    """What a `Hasher` would find in a file that has only this one piece."""
    size = len(piece)
    tree = blake3(piece).hexdigest()
    skip = _tensors_begin(piece, size, autov3_up_to_bytes)
    hashes = _collected(
        hashlib.sha256(piece).hexdigest(),
        tree,
        crc32(piece),
        autov1=_autov1_of(piece) if size >= _AUTOV1_LEAST else None,
        autov3=hashlib.sha256(piece[skip:]).hexdigest() if skip is not None else None,
    )
    return hashes, PieceMap(size, (tree,))


def _collected(
    sha256: str, tree: str, crc: int, *, autov1: str | None, autov3: str | None
) -> Hashes:
    found = [
        Hash(HashKind.SHA256, sha256),
        Hash(HashKind.AUTOV2, sha256[:10]),
        Hash(HashKind.BLAKE3, tree),
        Hash(HashKind.CRC32, crc32_digits(crc)),
    ]
    if autov1 is not None:
        found.append(Hash(HashKind.AUTOV1, autov1))
    if autov3 is not None:
        found.append(Hash(HashKind.AUTOV3, autov3))
    return Hashes(tuple(found))


def _autov1_of(first: memoryview) -> str:
    stretch = first[_AUTOV1_BEGIN : _AUTOV1_BEGIN + _AUTOV1_BYTES]
    return hashlib.sha256(stretch).hexdigest()[:8]


def _tensors_begin(head: memoryview, size: int | None, longest: int) -> int | None:
    """Where the tensors of a safetensors file begin; None for others, and for long files."""
    if (size is not None and size > longest) or len(head) <= 8:  # noqa: PLR2004 -- the length field
        return None
    length = int.from_bytes(head[:8], "little")
    is_safetensors = head[8] == ord("{") and 2 <= length <= _LONGEST_HEADER  # noqa: PLR2004 -- "{}"
    if not is_safetensors or (size is not None and 8 + length > size):
        return None
    return 8 + length
