"""Let a pickle that arrived become safetensors before anything refers to it.

The pickle is proven already. It is read by a confined child, converted, and every tensor compared;
only the safetensors file is stored and linked. The pickle then lies in quarantine until the user
drops it. The model stays what it was: its record names the catalog's file, whose hashes are those
of the pickle, and `derived_from` says which bytes the stored ones were made from.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import Blob, FetchedFile, Install
from registry.domain.model import FileRole, ModelFile
from registry.domain.pieces import PieceMap
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat
from registry.errors import FormatError, GoneFromHub, HashMismatch, UnsafeFile
from registry.operations.inspect_file import Inspected, inspect_file
from registry.operations.obtain import obtain
from registry.operations.rooms import Rooms
from registry.store.content import measure, sha256_of
from registry.store.disk import make_folder
from registry.store.trouble import disk_errors

if TYPE_CHECKING:
    from registry.operations.convert_file import Converted

_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What of a file that arrived goes into the store.

    Attributes:
        fetched: The bytes to store.
        looked_at: What they are.
        derived_from: SHA-256 of the pickle that they were made from.
        pickle: Where it lies until the record is made; None if it stays where it is.
        notes: What the user should know.
    """

    fetched: FetchedFile
    looked_at: Inspected
    derived_from: str | None = None
    pickle: Path | None = None
    notes: tuple[str, ...] = ()

    def set_pickle_aside(self, rooms: Rooms) -> tuple[str, ...]:
        """Move the pickle to quarantine, now that the record is made; says where it lies.

        Raises:
            StoreUnwritable: It cannot be moved.
        """
        if self.pickle is None or not self.pickle.exists():
            return ()
        because = f"it was converted to {self.fetched.hashes.sha256}; delete it when you like"
        return (f"the pickle lies at {rooms.store.quarantine(self.pickle, because)}",)


def installed_name(file_name: str, file: ModelFile, *, keep_pickle: bool) -> str:
    """What a file is called in the folders: a pickle that will be converted, by its new format."""
    is_pickle = FileFormat.PICKLE in {file.variant.format, FileFormat.from_name(file_name)}
    if not is_pickle or keep_pickle or file.role is FileRole.CONFIG:
        return file_name
    known = FileFormat.from_name(file_name) is FileFormat.PICKLE
    return Path(file_name).with_suffix(_SUFFIX).name if known else file_name


def convert_arrival(
    fetched: FetchedFile,
    looked_at: Inspected,
    rooms: Rooms,
    progress: Progress,
    *,
    keep_pickle: bool,
    stored: bool = False,
) -> Arrival:
    """Convert what arrived, if it is a pickle and nobody wants to keep it as it is.

    Args:
        fetched: The proven file.
        looked_at: What it is.
        rooms: The opened rooms.
        progress: Hears of the conversion.
        keep_pickle: Store the pickle itself; the notes warn of it.
        stored: It is a blob of the store: it stays where it is.

    Raises:
        UnsafeFile: It holds something that is refused; it lies in quarantine.
        FormatError: It is damaged or no file of weights; it lies in quarantine.
        ConversionError, StoreError: It could not be converted; it stays for another try.
    """
    if looked_at.format is not FileFormat.PICKLE:
        return Arrival(fetched, looked_at)
    if keep_pickle:
        return Arrival(fetched, looked_at, notes=tuple(_warnings(fetched.path)))
    try:
        done, made = _convert(fetched, rooms, progress)
    except (UnsafeFile, FormatError) as error:
        if not stored:
            rooms.store.quarantine(fetched.path, str(error))
        raise
    notes = [f"converted from a pickle: {done.tensors} tensors, every one compared", *done.notes]
    return Arrival(
        fetched=made,
        looked_at=inspect_file(made.path, name=f"it{_SUFFIX}", proven=True),
        derived_from=done.source_sha256,
        pickle=None if stored else fetched.path,
        notes=tuple(notes),
    )


def stored_as_arrived(blob: Blob) -> FetchedFile:
    """A blob as if it had just arrived: to make something else of it. Its pieces are not told."""
    hashes = Hashes((Hash(HashKind.SHA256, blob.sha256),))
    return FetchedFile(blob.path, blob.size_bytes, hashes, PieceMap(0, ()), fetched_bytes=0)


def _warnings(path: Path) -> list[str]:
    from registry.convert.torch_source import look_into  # noqa: PLC0415 -- for pickles only

    verdict = look_into(path).verdict
    found = ["kept as a pickle at your wish: a UI that loads it carelessly may run code in it"]
    if verdict.word == "refused":
        found.append(f"sdreg would not open this one: {verdict.reasons[0].sentence}")
    return found


def _convert(
    fetched: FetchedFile, rooms: Rooms, progress: Progress
) -> "tuple[Converted, FetchedFile]":
    """The converted file, in a folder of its own until the store takes it."""
    folder = rooms.home / "converted"
    output = folder / f"{fetched.hashes.sha256}{_SUFFIX}"
    with disk_errors(output):
        make_folder(folder, durable=rooms.store.durable)
        output.unlink(missing_ok=True)  # from a run that was killed before it was stored
    from registry.operations.convert_file import convert_file  # noqa: PLC0415 -- brings numpy

    done = convert_file(
        fetched.path,
        output,
        progress,
        sha256=fetched.hashes.sha256,
        durable=rooms.store.durable,
    )
    with disk_errors(output), output.open("rb", buffering=0) as file:
        measured = measure(file)
    hashes = (Hash(HashKind.SHA256, measured.sha256), Hash(HashKind.BLAKE3, measured.blake3))
    made = FetchedFile(
        output, measured.size_bytes, Hashes(hashes), measured.pieces, fetched.fetched_bytes
    )
    if measured.sha256 != done.sha256:
        raise HashMismatch(output.name, done.sha256, measured.sha256, "the conversion")
    return done, made


def convert_again(install: Install, rooms: Rooms, progress: Progress) -> FetchedFile:
    """Bring back the bytes of a converted install: convert its pickle once more.

    The one in quarantine if it is there still, else it is fetched, and gone afterwards.

    Raises:
        GoneFromHub: The catalog knows no source of the pickle any more.
        HashMismatch: The conversion gives other bytes than it gave then.
        SdregError: As `obtain` and `convert_file` do.
    """
    wanted = Hash(HashKind.SHA256, install.derived_from or "")
    kept = _kept_pickle(wanted, rooms)
    pickle = kept or _fetched_pickle(wanted, install, rooms, progress)
    _, made = _convert(pickle, rooms, progress)
    if made.hashes.sha256 != install.sha256:
        with disk_errors(made.path):
            made.path.unlink()
        got = made.hashes.sha256 or "?"
        raise HashMismatch(install.file_name, install.sha256, got, "the conversion")
    if kept is None:
        rooms.downloader.discard(pickle.path.stem)
    return made


def _kept_pickle(wanted: Hash, rooms: Rooms) -> FetchedFile | None:
    """The pickle, if its conversion left it in quarantine or it is stored itself."""
    named = (path for path in rooms.store.quarantined() if path.name.startswith(wanted.digits))
    for path in (rooms.store.path_of(wanted.digits), *named):
        with contextlib.suppress(OSError):  # what cannot be read is fetched
            if path.is_file() and sha256_of(path) == wanted.digits:
                size_bytes = path.stat().st_size
                return FetchedFile(path, size_bytes, Hashes((wanted,)), PieceMap(0, ()), 0)
    return None


def _fetched_pickle(
    wanted: Hash, install: Install, rooms: Rooms, progress: Progress
) -> FetchedFile:
    known = [file for _, _, file in rooms.catalog.models.by_hash(wanted)]
    if not known:
        raise GoneFromHub("every hub", install.file_name, "the pickle is not known any more")
    return obtain(known[0], rooms, progress).fetched
