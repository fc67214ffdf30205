"""Look at one stored file and at everything that leads to it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry.audit.check import Stored, check_file
from registry.audit.headers import with_header_of_then
from registry.audit.whereabouts import Whereabouts
from registry.domain.audit import Finding, FindingKind
from registry.domain.install import Install, Link
from registry.domain.progress import Progress
from registry.errors import InUse, StoreError, UnreadableFile
from registry.operations.names_found import names_found
from registry.operations.rooms import Rooms
from registry.operations.soundness import unsound
from registry.operations.written_beside import note
from registry.store import links
from registry.store.paths import is_sha256

_NOT_LOOKED_INTO = ("quarantine", "partial", "converted", "backups")


@dataclass(frozen=True, slots=True)
class Search:
    """With what files are looked at.

    Attributes:
        rooms: The opened rooms.
        where: Where else files may lie.
        progress: Hears of every byte.
        deep: Compute the SHA-256 too, and look at structure and weights.
    """

    rooms: Rooms
    where: Whereabouts
    progress: Progress
    deep: bool = False


def look_at(sha256: str, installs: Sequence[Install], search: Search) -> tuple[Finding, ...]:
    """Everything that is found about one stored file: first about its bytes, then about its names.

    What was not known of a file that is right is kept beside it: its piece map, its header.

    Args:
        sha256: Its name.
        installs: Everybody who refers to it.
        search: With what to look.
    """
    rooms, progress = search.rooms, search.progress
    stored = as_stored(sha256, installs[0].size_bytes, rooms)
    progress.begin(installs[0].file_name, stored.size_bytes)
    try:
        look = check_file(rooms.store.path_of(sha256), stored, progress, deep=search.deep)
    finally:
        progress.end()
    finding = look.finding
    if look.learned is not None:
        _learn(look.learned, rooms, progress)
    if finding.kind is FindingKind.MISSING:
        finding = _lost(finding, stored, installs, search)
    elif search.deep and finding.kind is FindingKind.OK:
        finding = unsound(finding, installs[0], progress) or finding
    names = (each for install in installs for each in _names(install, stored, search))
    # Where the store's own drive is gone, its names are not broken: they lead there again with it.
    hidden = FindingKind.BROKEN_LINK if finding.kind is FindingKind.UNAVAILABLE else None
    return (finding, *(each for each in names if each.kind is not hidden))


def _learn(learned: Stored, rooms: Rooms, progress: Progress) -> None:
    """Keep what was learned of a file that is right; where that cannot be, the next audit may."""
    sha256, pieces = learned.sha256, learned.pieces
    try:
        with rooms.downloader.claim(sha256, Progress(), wait_s=0):
            users = [each for each in rooms.catalog.installs.all() if each.sha256 == sha256]
            if pieces is None or not users or not rooms.store.has(sha256):
                return  # it was removed while it was read
            is_told = rooms.store.record(sha256) is not None
            rooms.store.learn(sha256, pieces, learned.header)
            if not is_told:
                note(users, rooms)
    except InUse:
        return
    except StoreError as error:
        progress.say(f"what was learned of {sha256} is not kept: {error}")


def whereabouts(rooms: Rooms) -> Whereabouts:
    """The folders in which a file that moved can be found: our home, and those of the UIs."""
    home = rooms.home.absolute()
    ours = {home / name for name in _NOT_LOOKED_INTO}
    shelves = rooms.store.root.absolute() / "blobs" / "sha256"

    def leave_out(path: Path) -> bool:
        at_its_place = path.parent.parent == shelves and is_sha256(path.name)
        return path in ours or (at_its_place and path.name.startswith(path.parent.name))

    return Whereabouts((home, *(target.root.absolute() for target in rooms.targets)), leave_out)


def as_stored(sha256: str, size_bytes: int, rooms: Rooms) -> Stored:
    """What is known beside a stored file."""
    record = rooms.store.record(sha256)
    if record is None:
        return Stored(sha256, size_bytes)
    return Stored(sha256, size_bytes, record.pieces, record.header)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────


def _names(install: Install, stored: Stored, search: Search) -> Iterator[Finding]:
    """What is wrong with the links of one install."""
    blob_path = search.rooms.store.path_of(stored.sha256)
    for link in install.links:
        kind = links.check(link, blob_path, size_bytes=stored.size_bytes)
        found = Finding(kind, stored.sha256, link.path, _WORDS.get(kind, "it is not right"))
        if kind is FindingKind.MISSING:
            found = _lost_link(found, link, stored, search)
        elif kind is FindingKind.FOREIGN_FILE:
            found = _perhaps_edited(found, stored, search)
        elif kind is FindingKind.OK and link.method.has_own_bytes:
            found = _own_bytes(found, link, stored, search)
        if found.is_bad:
            yield found


_WORDS = {
    FindingKind.MISSING: "the link is gone",
    FindingKind.UNREADABLE: "the link cannot be read",
    FindingKind.BROKEN_LINK: "the link leads nowhere",
    FindingKind.FOREIGN_FILE: "something else lies where our link was",
    FindingKind.UNAVAILABLE: "the folder it lay in is gone: is a drive unplugged?",
}


def _own_bytes(found: Finding, link: Link, stored: Stored, search: Search) -> Finding:
    """What is wrong with a copy of ours; a stranger of the same length is none."""
    search.progress.begin(link.path.name, stored.size_bytes)
    looked = check_file(link.path, stored, search.progress).finding
    search.progress.end()
    store = search.rooms.store
    if looked.kind is not FindingKind.ROT or not store.has(stored.sha256):
        return looked
    if links.is_damaged_copy(link, store.blob(stored.sha256)):
        return looked
    kind = FindingKind.FOREIGN_FILE
    return replace(found, kind=kind, message=_WORDS[kind])


def _perhaps_edited(found: Finding, stored: Stored, search: Search) -> Finding:
    """A program that edits metadata writes a new file and gives it the name of our link."""
    if stored.header is None or found.path.is_symlink() or not found.path.is_file():
        return found
    with (
        contextlib.suppress(UnreadableFile),
        with_header_of_then(found.path, stored.header) as view,
    ):
        if view is None or view.size_bytes != stored.size_bytes:
            return found  # other tensors: no need to read them
    search.progress.begin(found.path.name, stored.size_bytes)
    looked = check_file(found.path, stored, search.progress).finding
    search.progress.end()
    return looked if looked.kind is FindingKind.EDITED else found


def _lost_link(found: Finding, link: Link, stored: Stored, search: Search) -> Finding:
    """Why a link is not where it was: its drive, or somebody renamed it, or it is gone."""
    rooms = search.rooms
    root = next((t.root for t in rooms.targets if link.path.is_relative_to(t.root)), None)
    gone = next((each for each in _above(link.path, root) if _is_gone(each)), None)
    if gone is not None:
        return _unavailable(found, gone)
    if not rooms.store.has(stored.sha256):
        return found
    blob = rooms.store.blob(stored.sha256)
    others = names_found([stored.sha256], rooms).get(stored.sha256, ())
    elsewhere = next((p.path for p in others if not _is_known(p.path, rooms)), None)
    if elsewhere is None and link.method.has_own_bytes:
        # An equal file that the user put there is his: who removes the model must not take it.
        elsewhere = search.where.find(
            stored, lambda path: _is_known(path, rooms) or not links.is_a_copy_of_ours(path, blob)
        )
    return _moved(found, elsewhere) if elsewhere is not None else found


def _above(path: Path, root: Path | None) -> Iterator[Path]:
    """A UI's folder, and what is there between it and the folder of a link.

    One in between that is empty is the mount point of a drive that is gone. The link's own folder
    tells nothing: it is empty as well where its only link was deleted.
    """
    if root is None:
        return
    yield root
    between = (each for each in path.parent.parents if each.is_relative_to(root) and each != root)
    yield from (each for each in between if each.is_dir())


def _is_known(path: Path, rooms: Rooms) -> bool:
    """Whether a name is one of ours, of whichever install, or one that no record could hold."""
    return not _is_text(path) or rooms.catalog.installs.owner_of(path) is not None


def _is_text(path: Path) -> bool:
    """Whether a name can be written down: Linux allows bytes that are no letters."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


# ── bytes ─────────────────────────────────────────────────────────────────────────────────────────


def _lost(finding: Finding, stored: Stored, installs: Sequence[Install], search: Search) -> Finding:
    """Why a stored file is not where it was: its drive, or somebody moved it, or it is lost."""
    root = search.rooms.store.root / "blobs"
    if _is_gone(root):
        return _unavailable(finding, root)
    known = {link.path.absolute() for install in installs for link in install.links}
    elsewhere = search.where.find(stored, lambda path: path in known or not _is_text(path))
    return _moved(finding, elsewhere) if elsewhere is not None else finding


def _unavailable(finding: Finding, root: Path) -> Finding:
    message = f"the whole folder {root} is gone or empty: is a drive unplugged?"
    return replace(finding, kind=FindingKind.UNAVAILABLE, message=message)


def _moved(finding: Finding, elsewhere: Path) -> Finding:
    message = f"it lies at {elsewhere} now"
    return replace(finding, kind=FindingKind.MOVED, message=message, elsewhere=elsewhere)


def _is_gone(root: Path) -> bool:
    """Whether a folder is not there, or is the empty mount point of a drive that is not."""
    try:
        return not root.is_dir() or next(root.iterdir(), None) is None
    except OSError:
        return True
