"""Make a stored file again, piece by piece, out of whatever still has its bytes.

Every piece is held against the piece map before it is taken, wherever it comes from: the damaged
file itself, what an earlier try left, other copies on this disk, quarantine, and last the hubs,
which are asked for nothing but what is missing then. The whole is proven by its SHA-256.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from registry.audit.check import Stored, measure_pieces
from registry.audit.headers import with_header_of_then
from registry.audit.whereabouts import Whereabouts, is_the_file
from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile, Install, LinkMethod
from registry.domain.model import FileRole, ModelFile
from registry.domain.pieces import PieceMap
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat, Variant
from registry.errors import HashMismatch, HubError, TransferError, UnreadableFile
from registry.formats.readable import readable
from registry.operations.convert_at_install import convert_again
from registry.operations.obtain import obtain
from registry.operations.rooms import Rooms
from registry.operations.sources import asks
from registry.store.space import require_space
from registry.store.trouble import disk_errors
from registry.transfer.download import REPAIR

if TYPE_CHECKING:
    from registry.domain.source import Source

THIS_DISK = "this disk"
# A file of the same length that has none of so many pieces is another model of the same shape.
_STRANGER_AFTER = 4

_Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Loss:
    """A stored file that is not as it was stored, and where its bytes may be.

    Attributes:
        stored: What it was.
        installs: Who refers to it; the first tells the sources.
        rooms: The opened rooms.
        where: Where else files may lie.
        progress: Hears what happens.
    """

    stored: Stored
    installs: Sequence[Install]
    rooms: Rooms
    where: Whereabouts
    progress: Progress

    @property
    def install(self) -> Install:
        """The one that it is called by."""
        return self.installs[0]

    def named(self, method: LinkMethod | None = None) -> tuple[Path, ...]:
        """Where our links lie or lay, of one method or of any."""
        links = (link for install in self.installs for link in install.links)
        return tuple(link.path.absolute() for link in links if method in {None, link.method})


@dataclass(frozen=True, slots=True)
class Restored:
    """The file again, proven, not yet under its name.

    Attributes:
        source: Where the missing bytes came from.
    """

    fetched: FetchedFile
    source: str


def restore(loss: Loss) -> Restored:
    """Make the file again.

    Raises:
        HashMismatch: What came together is not the file.
        HubError, TransferError: The most telling reason why no source gave what is missing.
        StoreError: The disk refused.
    """
    stored, rooms = loss.stored, loss.rooms
    copy = rooms.home / "partial" / f"{stored.sha256}{REPAIR}"
    with disk_errors(copy, needed_bytes=stored.size_bytes):
        copy.parent.mkdir(parents=True, exist_ok=True)
        if _linked_back(copy, loss):
            return Restored(_proven(copy, loss, 0), THIS_DISK)
        if stored.pieces is None:
            return _whole(copy, loss)
        return _by_piece(copy, stored.pieces, loss)


def _linked_back(copy: Path, loss: Loss) -> bool:
    """A lost file of which a hard link of ours is left: that is the file."""
    if os.path.lexists(loss.rooms.store.path_of(loss.stored.sha256)):
        return False
    for path in loss.named(LinkMethod.HARDLINK):
        if not path.is_symlink() and is_the_file(path, loss.stored):
            copy.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another file system: then it is copied
                os.link(path, copy)
                return True
    return False


# ── by the piece ──────────────────────────────────────────────────────────────────────────────────


def _by_piece(copy: Path, pieces: PieceMap, loss: Loss) -> Restored:
    mosaic = _Mosaic(copy, pieces)
    with contextlib.ExitStack() as stack:
        stack.callback(mosaic.drop_unless_fetched)
        restored = _put_together(mosaic, loss)
        stack.pop_all()
    return restored


def _put_together(mosaic: "_Mosaic", loss: Loss) -> Restored:
    copy, pieces = mosaic.path, mosaic.pieces
    install, progress, fetched_bytes, source = loss.install, loss.progress, 0, THIS_DISK
    require_space(copy.parent, mosaic.missing_bytes)
    progress.begin(f"taking what is right of {install.file_name}", mosaic.missing_bytes)
    for read in _views(loss):
        mosaic.take_from(read, progress)
        if not mosaic.missing:
            break
    progress.end()
    if mosaic.missing:
        # No hub has the pieces of what was converted here; and who needs all of a file gets it
        # by the way on which a download can be gone on with.
        alone = install.derived_from is None and len(mosaic.missing) < len(pieces.digests)
        had = _fetch_missing(mosaic, loss) if alone else None
        if had is None:
            mosaic.drop_unless_fetched()
            restored = _from_afar(loss)
            copy.unlink(missing_ok=True)
            return restored
        fetched_bytes, source = had
    return Restored(_proven(copy, loss, fetched_bytes), source)


class _Mosaic:
    """A file that is put together from pieces that are known to be right.

    Attributes:
        missing: Indices of the pieces that it has not.
        has_fetched: Whether some of it came over the network, now or at an earlier try.
    """

    def __init__(self, path: Path, pieces: PieceMap) -> None:
        self.path = path
        self.pieces = pieces
        self.missing = tuple(range(len(pieces.digests)))
        # One more name of somebody's file must never be written to.
        if os.path.lexists(path) and (path.is_symlink() or path.stat().st_nlink > 1):
            path.unlink()
        with path.open("ab"):
            pass
        if path.stat().st_size:
            self.look_again()
        self.has_fetched = len(self.missing) < len(pieces.digests)
        os.truncate(path, pieces.size_bytes)

    @property
    def missing_bytes(self) -> int:
        """How many bytes the missing pieces have."""
        return sum(end - begin for begin, end in self.pieces.ranges(self.missing))

    def drop_unless_fetched(self) -> None:
        """Let go of what this disk has in other places still; the rest waits for the next try."""
        if not self.has_fetched:
            self.path.unlink(missing_ok=True)

    def look_again(self) -> None:
        """See which of the missing pieces are there by now."""
        with self.path.open("rb") as file:

            def read(begin: int, end: int) -> bytes:
                file.seek(begin)
                return file.read(end - begin)

            right = {index for index in self.missing if self._right(index, read) is not None}
        self.missing = tuple(index for index in self.missing if index not in right)

    def take_from(self, read: _Read, progress: Progress) -> None:
        """Take every missing piece that `read` has right, unless it is a stranger's file."""
        taken: set[int] = set()
        with self.path.open("r+b") as out:
            for tries, index in enumerate(self.missing):
                if tries >= _STRANGER_AFTER and not taken:
                    break
                content = self._right(index, read)
                if content is not None:
                    out.seek(self.pieces.span(index)[0])
                    out.write(content)
                    taken.add(index)
                    progress.advance(len(content))
        self.missing = tuple(index for index in self.missing if index not in taken)

    def _right(self, index: int, read: _Read) -> bytes | None:
        """The bytes of a piece, if these are they; a disk that refuses them has them not."""
        try:
            content = read(*self.pieces.span(index))
        except OSError:
            return None
        return content if blake3(content).hexdigest() == self.pieces.digests[index] else None


def _fetch_missing(mosaic: _Mosaic, loss: Loss) -> tuple[int, str] | None:
    """Ask the sources for the missing pieces; how many bytes came and from whom, None if not all.

    Raises:
        StoreError: The disk refused.
    """
    install, rooms, progress = loss.install, loss.rooms, loss.progress
    file = wanted_file(install, rooms)
    failures: dict[Source, HubError | TransferError] = {}
    fetched_bytes = 0
    before = mosaic.has_fetched, len(mosaic.missing)
    for ask in asks(file, rooms, progress, failures):
        options = rooms.downloader.options
        mosaic.has_fetched = True  # whatever interrupts it
        try:
            fetched_bytes += rooms.downloader.fetch_ranges(
                rooms.hub(ask.source.hub).locate(ask.source, file),
                mosaic.pieces.ranges(mosaic.missing),
                mosaic.path,
                size_bytes=mosaic.pieces.size_bytes,
                progress=progress,
                options=options.hurried() if ask.hurried else options,
            )
        except (HubError, TransferError) as error:
            failures[ask.source] = error
            progress.say(f"{ask.source}: {error}")
        mosaic.look_again()
        mosaic.has_fetched = before[0] or len(mosaic.missing) < before[1]
        if not mosaic.missing:
            return fetched_bytes, str(ask.source)
        if ask.source not in failures:
            wrong = HashMismatch(file.name, install.sha256, "other pieces", str(ask.source))
            failures[ask.source] = wrong
            progress.say(f"{ask.source}: not all pieces that it sent are the right ones")
    progress.say(f"{install.file_name}: the pieces are not to be had alone; fetching all of it")
    return None


def _views(loss: Loss) -> Iterator[_Read]:
    """Every way to read something on this disk that may be the file, the likeliest first."""
    stored, store = loss.stored, loss.rooms.store
    named = dict.fromkeys((store.path_of(stored.sha256), *loss.named()))
    for path in named:
        with contextlib.suppress(UnreadableFile), readable(path) as source:
            yield source.read
        if stored.header is not None:
            with (
                contextlib.suppress(UnreadableFile),
                with_header_of_then(path, stored.header) as view,
            ):
                if view is not None and view.size_bytes == stored.size_bytes:
                    yield view.read
    for path in (*loss.where.of_length(stored.size_bytes), *store.quarantined()):
        if path in named:
            continue
        with contextlib.suppress(UnreadableFile), readable(path) as source:
            if source.size_bytes == stored.size_bytes:
                yield source.read


# ── whole ─────────────────────────────────────────────────────────────────────────────────────────


def _whole(copy: Path, loss: Loss) -> Restored:
    """A file of whose pieces nothing is known comes from one place, or not at all."""
    size_bytes, store = loss.stored.size_bytes, loss.rooms.store
    for path in (*loss.named(), *loss.where.of_length(size_bytes), *store.quarantined()):
        if is_the_file(path, loss.stored):
            require_space(copy.parent, size_bytes)
            copy.unlink(missing_ok=True)
            with contextlib.ExitStack() as stack:
                stack.callback(copy.unlink, missing_ok=True)
                shutil.copyfile(path, copy)
                restored = Restored(_proven(copy, loss, 0), THIS_DISK)
                stack.pop_all()
            return restored
    return _from_afar(loss)


def _from_afar(loss: Loss) -> Restored:
    install, rooms, progress = loss.install, loss.rooms, loss.progress
    if install.derived_from is not None:
        made = convert_again(install, rooms, progress)
        return Restored(made, install.source if made.fetched_bytes else THIS_DISK)
    obtained = obtain(wanted_file(install, rooms), rooms, progress)
    return Restored(obtained.fetched, str(obtained.source))


def wanted_file(install: Install, rooms: Rooms) -> ModelFile:
    """The catalog's file, else one made from what the record holds."""
    sha256 = Hash(HashKind.SHA256, install.sha256)
    hits = rooms.catalog.models.by_hash(sha256)
    own = [file for _, _, file in hits if file.id == install.file_id]
    others = [file for _, _, file in hits if file.id != install.file_id]
    sources = [source for file in (*own, *others) for source in file.sources]
    return ModelFile(
        name=install.file_name,
        role=FileRole.WEIGHTS,
        variant=Variant(FileFormat.from_name(install.file_name)),
        size_bytes=install.size_bytes,
        hashes=Hashes((sha256,)),
        sources=tuple(dict.fromkeys(sources)),
        id=install.file_id,
    )


# ── proof ─────────────────────────────────────────────────────────────────────────────────────────


def _proven(copy: Path, loss: Loss, fetched_bytes: int) -> FetchedFile:
    """The copy, if it is the file as a whole.

    Raises:
        HashMismatch: It is not; it is gone.
    """
    stored, name = loss.stored, loss.install.file_name
    loss.progress.begin(f"proving {name}", stored.size_bytes)
    pieces, sha256 = measure_pieces(copy, loss.progress)
    loss.progress.end()
    if sha256 != stored.sha256:
        copy.unlink(missing_ok=True)
        raise HashMismatch(name, stored.sha256, sha256, THIS_DISK)
    hashes = [Hash(HashKind.SHA256, sha256)]
    record = loss.rooms.store.record(sha256)
    if record is not None and record.blake3 is not None:
        # The same bytes as ever have the same hashes as ever.
        hashes.append(Hash(HashKind.BLAKE3, record.blake3))
    return FetchedFile(copy, stored.size_bytes, Hashes(tuple(hashes)), pieces, fetched_bytes)
