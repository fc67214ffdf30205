"""The stored bytes, each file under its own SHA-256.

What holds at every moment, whenever the power fails:

1. A blob's name is its SHA-256. Bytes get a name of ours only when they are whole and proven.
2. A record or a link refers only to a blob that exists: things are created before references to
   them (piece map, blob, link, record), and bytes are deleted last (link, record, blob, piece map).
3. No file is ever replaced by taking its name. A blob that is damaged is set aside in quarantine
   and stays there; the good bytes take the name in one step.
4. A blob is read-only once it is in.
5. Every step can be run again; two processes that do the same thing end with one blob.

    <root>/blobs/sha256/ab/abcd…        the bytes
    <root>/blobs/sha256/ab/abcd….json   their piece map and facts, there before the bytes are
    <root>/quarantine/<name>            what was set aside, with <name>.why.txt beside it
"""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from registry.domain.install import Blob, FetchedFile
from registry.domain.pieces import PieceMap
from registry.errors import BlobDamaged, BlobMissing
from registry.store import piecemaps
from registry.store.content import copy_proven, measure
from registry.store.disk import (
    TEMPORARY,
    Move,
    delete,
    make_folder,
    make_room,
    move_new,
    new_file,
    sync_file,
    sync_folder,
)
from registry.store.paths import blob_path, is_sha256, piece_map_path
from registry.store.piecemaps import BlobRecord
from registry.store.quarantine import Quarantine
from registry.store.space import require_space
from registry.store.trouble import disk_errors

logger = logging.getLogger(__name__)

_READ_ONLY = 0o444
_READABLE, _WRITABLE = 0o400, 0o222
_NOT_A_FILE = -1
_IDLE_S = 86_400.0
_NO_FACTS: Mapping[str, str] = MappingProxyType({})


class Store:
    """The blobs below one root.

    Args:
        root: Folder that holds `blobs` and `quarantine`; made when it is needed.
        durable: Wait for the disk before a name is given, so that a power cut harms nothing.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self.root = root
        self.durable = durable
        self._quarantine = Quarantine(root / "quarantine", durable=durable)

    # ── questions ─────────────────────────────────────────────────────────────────────────────────

    def path_of(self, sha256: str) -> Path:
        """Where this blob lies or would lie."""
        return blob_path(self.root, sha256)

    def has(self, sha256: str) -> bool:
        """Whether the blob is there; says nothing about its bytes.

        Raises:
            StoreUnwritable: The disk does not say.
        """
        path = self.path_of(sha256)
        with disk_errors(path):
            return _size_of(path) not in {None, _NOT_A_FILE}

    def blob(self, sha256: str) -> Blob:
        """The blob of this name.

        Raises:
            BlobMissing: It is not there.
            StoreUnwritable: The disk does not say.
        """
        path = self.path_of(sha256)
        size_bytes = self._require(path)
        record = self.record(sha256)
        return Blob(sha256, path, size_bytes, record.blake3 if record else None)

    def list(self) -> Iterator[str]:
        """The SHA-256 of every blob that is there, in order.

        Raises:
            StoreUnwritable: The folder cannot be read.
        """
        folder = self.root / "blobs" / "sha256"
        with disk_errors(folder):
            if not folder.is_dir():
                return
            for shelf in sorted(folder.iterdir()):
                if not shelf.is_dir():
                    continue
                names = [entry.name for entry in os.scandir(shelf) if _is_blob(entry, shelf.name)]
                yield from sorted(names)

    def unprotected(self) -> Iterator[str]:
        """Blobs that are not read-only, as every one was when it came in.

        Raises:
            StoreUnwritable: The disk does not say.
        """
        for sha256 in self.list():
            path = self.path_of(sha256)
            with disk_errors(path):
                mode = _mode_of(path)
            if mode is not None and mode & (_WRITABLE | _READABLE) != _READABLE:
                yield sha256

    def record(self, sha256: str) -> BlobRecord | None:
        """What lies written beside the blob; None if nothing that can be trusted."""
        return piecemaps.load(piece_map_path(self.root, sha256), sha256)

    def pieces(self, sha256: str) -> PieceMap | None:
        """The piece map of a blob, if one was kept."""
        record = self.record(sha256)
        return record.pieces if record else None

    def is_quarantined(self, path: Path) -> bool:
        """Whether `path` is one more name of a file that was set aside here."""
        return self._quarantine.holds(path)

    def quarantined(self) -> Iterator[Path]:
        """Everything that was set aside, in order of names."""
        return self._quarantine.list()

    def set_aside_by_us(self, path: Path) -> bool:
        """Whether a file in quarantine has the note that we write for what we put there."""
        return self._quarantine.has_note(path)

    # ── in ────────────────────────────────────────────────────────────────────────────────────────

    def adopt(
        self,
        fetched: FetchedFile,
        *,
        facts: Mapping[str, str] = _NO_FACTS,
        header: bytes | None = None,
    ) -> Blob:
        """Move a fetched and proven file in under its hash.

        If the blob is there already, the newcomer is dropped; a blob of the wrong length is set
        aside for it.

        Args:
            fetched: The file; it is gone from its old place afterwards.
            facts: What a rebuild of the catalog will want to know.
            header: What a safetensors file begins with, up to its tensors.

        Raises:
            BlobDamaged: The file changed since it was hashed.
            NotEnoughSpace: It lies on another file system and does not fit here.
            StoreUnwritable: The disk refuses.
        """
        path = self.path_of(_name_of(fetched))
        with disk_errors(path, needed_bytes=fetched.size_bytes):
            _require_unchanged(fetched)
            make_folder(path.parent, durable=self.durable)
            kept = self._keep_record(replace(_record_of(fetched, facts), header=header))
            here = _size_of(path)
            if here is None:
                with contextlib.suppress(FileExistsError):  # another process was faster
                    self._bring_in(fetched, move_new)
            elif here != fetched.size_bytes:
                self._set_aside_for(fetched, "it had another length than was stored")
            self._finish(fetched)
        return Blob(path.name, path, fetched.size_bytes, kept.blake3)

    def adopt_copy(self, path: Path, *, facts: Mapping[str, str] = _NO_FACTS) -> Blob:
        """Copy a file in that stays where it is, and measure it on the way.

        Raises:
            NotEnoughSpace: It does not fit.
            StoreUnwritable: It cannot be read, or the disk refuses.
        """
        folder = self.root / "blobs" / "sha256"
        with disk_errors(path):
            size_bytes = path.stat().st_size
            require_space(folder, size_bytes)
            make_folder(folder, durable=self.durable)
            with (
                path.open("rb", buffering=0) as source,
                new_file(folder, mode=_READ_ONLY) as new,
            ):
                measured = measure(source, new.file)
                place = self.path_of(measured.sha256)
                make_folder(place.parent, durable=self.durable)
                self._keep_record(
                    BlobRecord(
                        measured.sha256,
                        measured.size_bytes,
                        measured.blake3,
                        measured.pieces,
                        dict(facts),
                    )
                )
                with contextlib.suppress(FileExistsError):
                    new.publish(place, durable=self.durable)
        return self.blob(measured.sha256)

    def replace_damaged(self, fetched: FetchedFile) -> Blob:
        """Set the blob aside and give its name to the repaired file, in one step.

        Hard links to the old blob lead to the damaged bytes still: `is_quarantined` knows them and
        `links.remake` leads them to the good ones.

        Args:
            fetched: The repaired file, proven; it is gone from its old place afterwards.

        Raises:
            BlobDamaged: The file changed since it was hashed.
            StoreUnwritable: The disk refuses.
        """
        path = self.path_of(_name_of(fetched))
        with disk_errors(path, needed_bytes=fetched.size_bytes):
            _require_unchanged(fetched)
            make_folder(path.parent, durable=self.durable)
            kept = self._keep_record(_record_of(fetched, _NO_FACTS))
            self._set_aside_for(fetched, "its bytes were not those that were stored")
            self._finish(fetched)
        return Blob(path.name, path, fetched.size_bytes, kept.blake3)

    def learn(self, sha256: str, pieces: PieceMap, header: bytes | None) -> None:
        """Keep what was measured of a blob that is as it was stored.

        Raises:
            StoreUnwritable: The disk refuses.
        """
        known = self.record(sha256) or BlobRecord(sha256, pieces.size_bytes)
        path = piece_map_path(self.root, sha256)
        with disk_errors(path):
            make_folder(path.parent, durable=self.durable)
            piecemaps.save(
                path,
                replace(known, size_bytes=pieces.size_bytes, pieces=pieces, header=header),
                durable=self.durable,
            )

    def protect(self, sha256: str) -> None:
        """Make a blob read-only again.

        Raises:
            BlobMissing: It is not there.
            StoreUnwritable: The disk refuses.
        """
        path = self.blob(sha256).path
        with disk_errors(path):
            # Who may not read it now may not do so afterwards.
            path.chmod(path.stat().st_mode & _READ_ONLY | _READABLE)

    def keep_facts(self, sha256: str, facts: Iterable[Mapping[str, str]]) -> None:
        """Keep what a rebuild will want to know: one mapping for each install, the first one first.

        Raises:
            BlobMissing: The blob is not there.
            StoreUnwritable: The disk refuses.
        """
        first, *further = (*facts,) or (_NO_FACTS,)
        path = self.path_of(sha256)
        size_bytes = self._require(path)
        known = self.record(sha256)
        new = replace(
            known or BlobRecord(sha256, size_bytes), facts=dict(first), further=tuple(further)
        )
        if new != known:
            with disk_errors(path):
                piecemaps.save(piece_map_path(self.root, sha256), new, durable=self.durable)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────

    def remove(self, sha256: str) -> None:
        """Delete a blob that nothing refers to any more, then what is written beside it.

        Raises:
            StoreUnwritable: The disk refuses.
        """
        path = self.path_of(sha256)
        with disk_errors(path):
            for gone in (path, piece_map_path(self.root, sha256)):
                with contextlib.suppress(FileNotFoundError):
                    delete(gone)
            if self.durable and path.parent.is_dir():
                sync_folder(path.parent)

    def drop_quarantined(self, path: Path) -> bool:
        """Delete a file that was set aside, because the user says so; False if it is none.

        Raises:
            StoreUnwritable: The disk refuses.
        """
        with disk_errors(path):
            return self._quarantine.drop(path)

    def sweep(self, *, idle_s: float = _IDLE_S) -> int:
        """Delete temporary files that a killed run left; returns how many bytes that freed.

        Args:
            idle_s: Only those that nobody has written to for so many seconds, by the disk's own
                clock: another process may be at work.

        Raises:
            StoreUnwritable: The disk refuses.
        """
        folder = self.root / "blobs" / "sha256"
        freed_bytes = 0
        with disk_errors(folder):
            if not folder.is_dir():
                return 0
            with new_file(folder, mode=_READ_ONLY) as new:
                now_s = os.fstat(new.file.fileno()).st_mtime
            for left in folder.rglob(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    status = left.lstat()
                    if now_s - status.st_mtime > idle_s:
                        delete(left)
                        freed_bytes += status.st_size
        return freed_bytes

    def quarantine(self, path: Path, because: str) -> Path:
        """Set a file aside with a note that says why; nothing is deleted.

        Returns:
            Where it lies now.

        Raises:
            StoreUnwritable: It cannot be moved.
        """
        with disk_errors(path):
            return self._quarantine.take(path, because)

    # ── steps ─────────────────────────────────────────────────────────────────────────────────────

    def _require(self, path: Path) -> int:
        """The length of the blob at `path`, which must be there."""
        with disk_errors(path):
            size_bytes = _size_of(path)
        if size_bytes is None or size_bytes == _NOT_A_FILE:
            raise BlobMissing(path.name, str(path))
        return size_bytes

    def _keep_record(self, new: BlobRecord) -> BlobRecord:
        """Write what is known beside the blob; older facts are not forgotten."""
        path = piece_map_path(self.root, new.sha256)
        old = piecemaps.load(path, new.sha256)
        if old is not None:
            header = new.header if new.header is not None else old.header
            facts = {**new.facts, **old.facts}
            new = replace(new, header=header, facts=facts, further=old.further)
        if new != old:
            piecemaps.save(path, new, durable=self.durable)
        return new

    def _set_aside_for(self, fetched: FetchedFile, because: str) -> None:
        """Move the old blob, if there is one, to quarantine and the new one to its name."""
        path = self.path_of(_name_of(fetched))
        if os.path.lexists(path):
            self._quarantine.take_keeping_the_name(path, because)
        self._bring_in(fetched, os.replace)

    def _bring_in(self, fetched: FetchedFile, move: Move) -> None:
        """Give the file its name, or a proven copy if it lies on another file system."""
        path = self.path_of(_name_of(fetched))
        _make_read_only(fetched.path)
        if self.durable:
            self._sync(fetched.path)
        try:
            move(fetched.path, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with (
                fetched.path.open("rb", buffering=0) as source,
                new_file(path.parent, mode=_READ_ONLY, named=move is not move_new) as new,
            ):
                make_room(new.file, fetched.size_bytes)
                if copy_proven(source, new.file) != path.name:
                    raise BlobDamaged(
                        path.name, str(fetched.path), "it changed since it was hashed"
                    ) from error
                new.publish(path, durable=self.durable, move=move)
        if self.durable:
            sync_folder(path.parent)

    def _sync(self, path: Path) -> None:
        try:
            sync_file(path)
        except OSError as error:
            if error.errno == errno.EIO:
                # Its pages count as clean now although they are not: never trust it again.
                with contextlib.suppress(OSError):
                    self._quarantine.take(path, "the disk failed to keep these bytes")
            raise

    def _finish(self, fetched: FetchedFile) -> None:
        """Make a blob that was there already read-only; drop what is left of the newcomer."""
        path = self.path_of(_name_of(fetched))
        _make_read_only(path)
        if fetched.path != path:
            with contextlib.suppress(FileNotFoundError):
                delete(fetched.path)


def _make_read_only(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & ~_READ_ONLY:
        path.chmod(_READ_ONLY)


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return None


def _name_of(fetched: FetchedFile) -> str:
    sha256 = fetched.hashes.sha256
    if sha256 is None:
        raise ValueError(f"{fetched.path} was not hashed")
    return sha256


def _require_unchanged(fetched: FetchedFile) -> None:
    size_bytes = fetched.path.stat().st_size
    if size_bytes != fetched.size_bytes:
        because = f"it has {size_bytes} bytes now and had {fetched.size_bytes} when it was hashed"
        raise BlobDamaged(_name_of(fetched), str(fetched.path), because)


def _record_of(fetched: FetchedFile, facts: Mapping[str, str]) -> BlobRecord:
    return BlobRecord(
        _name_of(fetched),
        fetched.size_bytes,
        fetched.hashes.blake3,
        fetched.pieces,
        dict(facts),
    )


def _size_of(path: Path) -> int | None:
    """Length of a file, `_NOT_A_FILE` for a link, a folder and the like, None if nothing is there.

    Raises:
        OSError: The disk does not say.
    """
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else _NOT_A_FILE


def _is_blob(entry: "os.DirEntry[str]", shelf: str) -> bool:
    return (
        is_sha256(entry.name) and entry.name[:2] == shelf and entry.is_file(follow_symlinks=False)
    )
