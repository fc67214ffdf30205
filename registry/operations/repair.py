"""Mend what a check found: fetch the damaged pieces, prove the whole, swap it in, link again."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from registry.audit.check import measure_pieces
from registry.audit.repair_plan import RepairPlan, plan_repair
from registry.domain.audit import Finding, FindingKind
from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile, Install
from registry.domain.model import FileRole, ModelFile
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Variant
from registry.errors import (
    ConversionError,
    HashMismatch,
    HubError,
    StoreError,
    StoreUnwritable,
    TransferError,
    UnsafeFile,
)
from registry.operations.convert_at_install import convert_again
from registry.operations.obtain import obtain
from registry.operations.rooms import Rooms
from registry.operations.verify import Checked
from registry.store import links
from registry.store.space import require_space
from registry.store.trouble import disk_errors


@dataclass(frozen=True, slots=True)
class Mended:
    """One install that is whole again."""

    install: Install
    fetched_bytes: int
    source: str
    links_remade: int


@dataclass(frozen=True, slots=True)
class NotMended:
    """One finding that could not be mended, and why."""

    install: Install
    finding: Finding
    because: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did."""

    mended: tuple[Mended, ...]
    failed: tuple[NotMended, ...]


_NOT_MENDED = (HubError, TransferError, StoreError, ConversionError, UnsafeFile)


def repair(checked: Iterable[Checked], rooms: Rooms, progress: Progress) -> RepairReport:
    """Mend every install that is not well.

    A damaged blob is never written to: the repair happens in a copy, which is proven as a whole
    before it takes the blob's place; the damaged one goes to quarantine.
    """
    mended: list[Mended] = []
    failed: list[NotMended] = []
    whole: set[str] = set()  # blobs that are right again: several installs may share one
    for item in checked:
        if item.is_well:
            continue
        try:
            done, left = _mend(item, whole, rooms, progress)
            if done is not None:
                mended.append(done)
            failed += left
        except _NOT_MENDED as error:
            worst = next(finding for finding in item.findings if finding.is_bad)
            failed.append(NotMended(item.install, worst, str(error)))
    return RepairReport(tuple(mended), tuple(failed))


def _mend(
    item: Checked, whole: set[str], rooms: Rooms, progress: Progress
) -> tuple[Mended | None, list[NotMended]]:
    """Mend one install; what is left is in the way of a link, and not ours."""
    install = item.install
    blob_path = rooms.store.path_of(install.sha256)
    fetched_bytes, source, brought_back = 0, "this disk", False
    for finding in item.findings:
        if finding.path != blob_path or not finding.is_bad or install.sha256 in whole:
            continue
        plan = plan_repair(finding, rooms.store.pieces(install.sha256), install.size_bytes)
        if plan is None:
            raise StoreUnwritable(str(finding.path), finding.message)
        with rooms.downloader.claim(install.sha256, progress):
            fetched_bytes, source = _bring_back(plan, install, rooms, progress)
        brought_back = True
        whole.add(install.sha256)
    remade, left = _relink(item, rooms)
    if left:
        rooms.catalog.audits.settle(install.sha256, blob_path, at=rooms.clock())
    else:
        rooms.catalog.audits.settle(install.sha256, at=rooms.clock())
    done = Mended(install, fetched_bytes, source, remade) if brought_back or remade else None
    return done, left


def _bring_back(
    plan: RepairPlan, install: Install, rooms: Rooms, progress: Progress
) -> tuple[int, str]:
    if install.derived_from is not None:
        # No hub has these bytes: they were made here.
        made = convert_again(install, rooms, progress)
        _swap_in(made, install, rooms)
        return made.fetched_bytes, install.source
    file = _wanted_file(install, rooms)
    if not plan.whole:
        for source in file.sources:
            try:
                return _patch(plan, install, (source, file), rooms, progress), str(source)
            except (HubError, TransferError) as error:
                progress.say(f"{source}: {error}")
        progress.say(f"{install.file_name}: the pieces could not be had; fetching the whole file")
    obtained = obtain(file, rooms, progress)
    _swap_in(obtained.fetched, install, rooms)
    return obtained.fetched.fetched_bytes, str(obtained.source)


def _patch(
    plan: RepairPlan,
    install: Install,
    wanted: tuple[Source, ModelFile],
    rooms: Rooms,
    progress: Progress,
) -> int:
    """Fetch the damaged ranges into a copy of the blob, prove it, swap it in."""
    source, file = wanted
    copy = rooms.home / "partial" / f"{install.sha256}.repair"
    require_space(copy.parent, install.size_bytes)
    with disk_errors(copy, needed_bytes=install.size_bytes):
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(rooms.store.path_of(install.sha256), copy)
            with copy.open("r+b") as out:
                out.truncate(install.size_bytes)
            fetched_bytes = rooms.downloader.fetch_ranges(
                rooms.hub(source.hub).locate(source, file),
                plan.ranges,
                copy,
                size_bytes=install.size_bytes,
                progress=progress,
            )
            _swap_in(_proven(copy, install, source, rooms, progress), install, rooms)
        finally:
            copy.unlink(missing_ok=True)
    return fetched_bytes


def _proven(
    copy: Path, install: Install, source: Source, rooms: Rooms, progress: Progress
) -> FetchedFile:
    progress.begin(f"proving {install.file_name}", install.size_bytes)
    pieces, sha256 = measure_pieces(copy, progress)
    progress.end()
    if sha256 != install.sha256:
        raise HashMismatch(install.file_name, install.sha256, sha256, str(source))
    hashes = [Hash(HashKind.SHA256, sha256)]
    blake3 = rooms.store.blob(sha256).blake3
    if blake3 is not None:  # the same bytes as ever have the same hashes as ever
        hashes.append(Hash(HashKind.BLAKE3, blake3))
    return FetchedFile(copy, install.size_bytes, Hashes(tuple(hashes)), pieces, fetched_bytes=0)


def _swap_in(fetched: FetchedFile, install: Install, rooms: Rooms) -> None:
    if fetched.hashes.sha256 != install.sha256:
        raise HashMismatch(
            install.file_name, install.sha256, fetched.hashes.sha256 or "?", install.source
        )
    rooms.store.replace_damaged(fetched)


def _relink(item: Checked, rooms: Rooms) -> tuple[int, list[NotMended]]:
    """Make the links lead to the good bytes again; what is not ours stays, and is named."""
    blob = rooms.store.blob(item.install.sha256)
    bad = {finding.path for finding in item.findings if finding.is_bad}
    blob_was_bad = rooms.store.path_of(item.install.sha256) in bad
    remade, left = 0, []
    for link in item.install.links:
        if link.path not in bad and not blob_was_bad:
            continue
        if links.remake(link, blob, rooms.store.is_quarantined, set_aside=rooms.store.quarantine):
            remade += 1
        elif link.path in bad:
            found = next(finding for finding in item.findings if finding.path == link.path)
            because = f"{link.path} is not ours: move it away, then run `sdreg link`"
            if found.kind is FindingKind.UNAVAILABLE:
                because = f"{link.path.parent} is not there: is a drive unplugged?"
            left.append(NotMended(item.install, found, because))
    return remade, left


def _wanted_file(install: Install, rooms: Rooms) -> ModelFile:
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
