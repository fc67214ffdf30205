"""Mend what a check found: bring the right bytes back, prove the whole, swap it in, link again.

A damaged file is never written to: it is made again beside it, and goes to quarantine when the
proven one takes its place.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from registry.audit.check import Stored, check_file
from registry.audit.repair_plan import RepairPlan, plan_repair
from registry.audit.whereabouts import Whereabouts, is_the_file
from registry.domain.audit import Finding, FindingKind
from registry.domain.install import Install, Link, LinkMethod
from registry.domain.progress import Progress
from registry.errors import (
    ConversionError,
    FormatError,
    HashMismatch,
    HubError,
    StoreError,
    TransferError,
    UnsafeFile,
)
from registry.operations.audit import Checked
from registry.operations.look_at import as_stored, whereabouts
from registry.operations.restore import THIS_DISK, Loss, restore, wanted_file
from registry.operations.rooms import Rooms
from registry.operations.written_beside import note
from registry.store import links
from registry.store.trouble import disk_errors

_NOT_MENDED = (HubError, TransferError, StoreError, ConversionError, FormatError, UnsafeFile)


@dataclass(frozen=True, slots=True)
class Mended:
    """One install that is whole again.

    Attributes:
        path: The stored file.
        source: Where the bytes came from that were missing.
        links_remade: How many names lead to it again.
    """

    install: Install
    path: Path
    fetched_bytes: int
    source: str
    links_remade: int


@dataclass(frozen=True, slots=True)
class NotMended:
    """One finding that was not mended, and why."""

    install: Install
    finding: Finding
    because: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What a repair would do about one finding.

    Attributes:
        plan: The bytes that must come from elsewhere; None where none are needed or would help.
        sources: Who would be asked for them, after this disk.
        would: The same in words.
    """

    install: Install
    finding: Finding
    plan: RepairPlan | None
    sources: tuple[str, ...]
    would: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did, or would do."""

    mended: tuple[Mended, ...] = ()
    failed: tuple[NotMended, ...] = ()
    planned: tuple[Planned, ...] = ()


def repair(
    checked: Iterable[Checked],
    rooms: Rooms,
    progress: Progress,
    *,
    undo_edit: Callable[[Finding], bool] = lambda _: False,
) -> RepairReport:
    """Mend every file that is not well.

    Args:
        checked: What a check found.
        rooms: The opened rooms.
        progress: Hears what happens.
        undo_edit: Whether metadata that somebody edited shall be as it was again; asked for each.
    """
    mended: list[Mended] = []
    failed: list[NotMended] = []
    where = whereabouts(rooms)
    for item in checked:
        if item.is_well:
            continue
        try:
            done, left = _Mending(_Manner(rooms, where, progress, undo_edit), item).run()
            mended += [done] if done is not None else []
            failed += left
        except _NOT_MENDED as error:
            worst = next(finding for finding in item.findings if finding.is_bad)
            failed.append(NotMended(item.owner_of(worst), worst, str(error)))
    return RepairReport(tuple(mended), tuple(failed))


def plan(checked: Iterable[Checked], rooms: Rooms) -> RepairReport:
    """What `repair` would do. Changes nothing."""
    planned = (
        _planned(item, finding, rooms)
        for item in checked
        for finding in item.findings
        if finding.is_bad
    )
    return RepairReport(planned=tuple(planned))


def _planned(item: Checked, finding: Finding, rooms: Rooms) -> Planned:
    install = item.owner_of(finding)
    is_blob = finding.path == rooms.store.path_of(finding.sha256)
    needed = None
    if is_blob:
        needed = plan_repair(finding, rooms.store.pieces(finding.sha256), install.size_bytes)
    sources: tuple[str, ...] = ()
    if needed is not None and needed.fetch_bytes:
        sources = tuple(str(source) for source in wanted_file(install, rooms).sources)
    would = (_WOULD_BLOB if is_blob else _WOULD_LINK)[finding.kind]
    return Planned(install, finding, needed, sources, would)


_ASKS = "asks, or with --edited: puts the metadata back as they were"
_PATCH = "makes it again out of its good pieces and those that other places have"
_DRIVE = "nothing: connect the drive, then run it again"
_WOULD_BLOB = {
    FindingKind.EDITED: _ASKS,
    FindingKind.ROT: _PATCH,
    FindingKind.FLAKY_READ: "makes it again, so that it lies elsewhere on the disk",
    FindingKind.UNREADABLE: _PATCH,
    FindingKind.MISSING: "brings it back",
    FindingKind.MOVED: "makes it again from where it lies now, and leaves that one there",
    FindingKind.UNAVAILABLE: _DRIVE,
    FindingKind.BROKEN_LINK: "nothing",
    FindingKind.FOREIGN_FILE: "nothing",
    FindingKind.UNSOUND: "nothing: it is what its publisher published",
}
_WOULD_LINK = _WOULD_BLOB | {
    FindingKind.ROT: "sets this copy aside and makes it again",
    FindingKind.FLAKY_READ: "sets this copy aside and makes it again",
    FindingKind.UNREADABLE: "nothing: it is in the way",
    FindingKind.MISSING: "links it again",
    FindingKind.MOVED: "remembers where it lies now",
    FindingKind.BROKEN_LINK: "links it again",
    FindingKind.FOREIGN_FILE: "nothing: it is not ours",
}


@dataclass(frozen=True, slots=True)
class _Manner:
    """With what and how everything is mended."""

    rooms: Rooms
    where: Whereabouts
    progress: Progress
    undo_edit: Callable[[Finding], bool]


def _not_led_back(link: Link) -> Finding:
    message = "it led to the damaged bytes"
    return Finding(FindingKind.BROKEN_LINK, link.sha256, link.path, message)


def _as_it_is_now(item: Checked, rooms: Rooms) -> Checked | None:
    """Without what was removed, or mended by somebody else, since it was checked."""
    sha256 = item.install.sha256
    users = {each.id: each for each in rooms.catalog.installs.all() if each.sha256 == sha256}
    first = [users.pop(each.id) for each in item.installs if each.id in users]
    bad = {found.path for found in rooms.catalog.audits.latest_findings() if found.sha256 == sha256}
    findings = tuple(each for each in item.findings if not each.is_bad or each.path in bad)
    now = Checked((*first, *users.values()), findings)
    return None if not now.installs or now.is_well else now


class _Mending:
    """One stored file and its names."""

    def __init__(self, manner: _Manner, item: Checked) -> None:
        self._item = item
        self._rooms = manner.rooms
        self._where = manner.where
        self._progress = manner.progress
        self._undo_edit = manner.undo_edit
        self._sha256 = item.install.sha256
        self._path = manner.rooms.store.path_of(self._sha256)
        self._left: list[NotMended] = []

    def run(self) -> tuple[Mended | None, list[NotMended]]:
        """Mend it; what is left is told."""
        with self._rooms.downloader.claim(self._sha256, self._progress):
            now = _as_it_is_now(self._item, self._rooms)
            if now is None:
                return None, []
            self._item = now
            brought = self._bring_back()
            remade = self._relink(is_new=brought is not None)
            self._settle()
        if brought is None and not remade:
            return None, self._left
        fetched_bytes, source = brought or (0, THIS_DISK)
        return Mended(self._item.install, self._path, fetched_bytes, source, remade), self._left

    def _bring_back(self) -> tuple[int, str] | None:
        """Make the stored file right: how many bytes came, from where; None if it was let be."""
        finding = next((f for f in self._item.findings if f.path == self._path), None)
        if finding is None or not finding.is_bad:
            return None
        stored = as_stored(self._sha256, self._item.install.size_bytes, self._rooms)
        needed = plan_repair(finding, stored.pieces, stored.size_bytes)
        if needed is None:
            self._leave(finding, f"{finding.message}; {_WOULD_BLOB[finding.kind]}")
            return None
        if finding.kind is FindingKind.EDITED and not self._undo_edit(finding):
            self._leave(finding, "somebody edited its metadata; --edited puts them back")
            return None
        loss = Loss(stored, self._item.installs, self._rooms, self._where, self._progress)
        restored = restore(loss)
        got = restored.fetched.hashes.sha256
        if got != self._sha256:
            name = self._item.install.file_name
            raise HashMismatch(name, self._sha256, got or "?", restored.source)
        is_told = self._rooms.store.record(self._sha256) is not None
        self._rooms.store.replace_damaged(restored.fetched)
        self._rooms.catalog.installs.verified(self._sha256, self._rooms.clock())
        if not is_told:
            note(self._item.installs, self._rooms)
        return restored.fetched.fetched_bytes, restored.source

    def _relink(self, *, is_new: bool) -> int:
        """Make the names lead to the good bytes again; what is not ours stays, and is named."""
        remade = 0
        bad = {finding.path: finding for finding in self._item.findings if finding.is_bad}
        if not self._rooms.store.has(self._sha256):
            for path in bad.keys() - {self._path}:
                self._leave(bad[path], "there is nothing to lead to: the stored file is gone")
            return 0
        for install in self._item.installs:
            for link in install.links:
                finding = bad.get(link.path)
                if finding is None and not is_new:
                    continue
                try:
                    remade += self._put_right(install, link, finding)
                except StoreError as error:
                    self._leave(finding or _not_led_back(link), str(error))
        return remade

    def _put_right(self, install: Install, link: Link, finding: Finding | None) -> int:
        if finding is not None and finding.kind is FindingKind.MOVED:
            return self._follow(install, link, finding)
        return int(self._lead_back(link, finding))

    def _lead_back(self, link: Link, finding: Finding | None) -> bool:
        rooms = self._rooms
        blob = rooms.store.blob(self._sha256)
        if finding is not None and finding.kind is FindingKind.UNAVAILABLE:
            self._leave(finding, f"{finding.message}; {_DRIVE}")
            return False
        stored = as_stored(self._sha256, blob.size_bytes, rooms)
        if finding is not None and finding.kind is FindingKind.EDITED:
            if not self._undo_edit(finding):
                self._leave(finding, "somebody edited its metadata; --edited puts them back")
                return False
            # Time went by since: what lies there by now may be another file.
            if check_file(link.path, stored, self._progress).finding.kind is FindingKind.EDITED:
                rooms.store.quarantine(link.path, f"its metadata were not those of {blob.sha256}")
        if links.remake(link, blob, rooms.store.is_quarantined, set_aside=rooms.store.quarantine):
            return True
        if finding is not None and not self._is_right(link, stored):
            because = f"{link.path} is not ours: move it away, then run `sdreg link`"
            if finding.kind is FindingKind.UNREADABLE:
                because = f"{finding.message}; move {link.path} away, then run `sdreg link`"
            self._leave(finding, because)
        return False

    def _is_right(self, link: Link, stored: Stored) -> bool:
        """Whether a name leads to the right bytes by itself, now that the stored file is back."""
        try:
            return link.path.samefile(self._path) or is_the_file(link.path, stored)
        except OSError:
            return False

    def _follow(self, install: Install, link: Link, finding: Finding) -> int:
        """Somebody gave our link another name: it stays theirs, and we know it by that."""
        path = finding.elsewhere
        if path is None or install.id is None:
            return 0
        if self._rooms.catalog.installs.owner_of(path) is not None:
            return int(self._lead_back(link, finding))  # another name was found there already
        method = LinkMethod.COPY
        with disk_errors(path):  # somebody may have moved it on
            if path.is_symlink():
                method = LinkMethod.SYMLINK
            elif path.samefile(self._path):
                method = LinkMethod.HARDLINK
        self._rooms.catalog.installs.remove_link(link.path)
        self._rooms.catalog.installs.add_links(
            install.id, [replace(link, path=path, method=method)]
        )
        return 1

    def _leave(self, finding: Finding, because: str) -> None:
        self._left.append(NotMended(self._item.owner_of(finding), finding, because))

    def _settle(self) -> None:
        """What was found and is not left any more is settled."""
        left = {each.finding.path for each in self._left}
        for finding in self._item.findings:
            if finding.is_bad and finding.path not in left:
                self._rooms.catalog.audits.settle(
                    self._sha256, finding.path, at=self._rooms.clock()
                )
