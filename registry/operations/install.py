"""Fetch, prove, keep, link, record.

Disk first, catalog last: a crash may leave a blob that nobody refers to, but never a record
without its blob. The order of steps is that of docs/how-it-works.md, every one can be run again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.install import Blob, Install, Link, Placement
from registry.domain.model import Model, ModelFile
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat
from registry.errors import FormatError, GoneFromHub, PlaceTaken, UnsafeFile
from registry.operations.inspect_file import Inspected, inspect_file
from registry.operations.obtain import Obtained, obtain
from registry.operations.plan_install import (
    UNKNOWN_TYPE,
    InstallPlan,
    Step,
    places_for,
    step_for,
)
from registry.operations.rooms import Rooms
from registry.store import links
from registry.taxonomy.identify import identify


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """One file as it is now.

    Attributes:
        status: ``installed``, ``already-installed``, or ``linked`` (the bytes were here).
        yours: Places where the same bytes lay already; they are the user's and stay so.
        notes: What the user should know about this file.
    """

    install: Install
    blob: Blob
    file: ModelFile
    status: str
    yours: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What an install did."""

    reference: str
    model: Model
    files: tuple[InstalledFile, ...]


def install(plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstallReport:
    """Carry out a plan.

    When every source of the chosen file is gone, the next best file of the model is taken, and
    that is said.

    Raises:
        GoneFromHub: No file of the model can be had any more.
        HashMismatch: A file is not what was promised. Nothing of it is kept under a final name.
        SdregError: As `obtain` and the store raise.
    """
    first = _first_that_can_be_had(plan, rooms, progress)
    as_planned = first.file == plan.steps[0].candidate.file
    companions = plan.steps[1:] if as_planned else ()
    rest = tuple(_carry_out(step, plan, rooms, progress) for step in companions)
    return InstallReport(plan.reference, plan.model, (first, *rest))


def _first_that_can_be_had(plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstalledFile:
    missed: list[str] = []
    last: GoneFromHub | None = None
    for candidate in plan.choice.ranked:
        step = plan.steps[0]
        if missed:
            step = step_for(candidate, plan.model, plan.model_type, rooms)
            progress.say(f"taking the next best file: {candidate.file.name}")
        try:
            done = _carry_out(step, plan, rooms, progress)
        except GoneFromHub as error:
            last = error
            missed.append(candidate.file.name)
        else:
            notes = tuple(
                f"every source of {name} is gone; this is the next best" for name in missed
            )
            return replace(done, notes=(*notes, *done.notes))
    raise last or GoneFromHub("every hub", plan.reference)


def _carry_out(step: Step, plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstalledFile:
    if step.present is not None:
        return _complete_links(step, step.present, rooms)
    file = step.candidate.file
    obtained = obtain(file, rooms, progress)
    looked_at = _look_inside(obtained, step, rooms)
    step = _filed(step, plan, looked_at, rooms)
    record = Install(
        reference=plan.reference,
        slug=plan.model.slug,
        model_type=_type_of(plan, looked_at),
        file_name=step.file_name,
        file_id=file.id,
        sha256=obtained.fetched.hashes.sha256 or "",
        size_bytes=obtained.fetched.size_bytes,
        source=str(obtained.source),
        proven=obtained.proven,
        installed_at=rooms.clock(),
    )
    intent = rooms.catalog.installs.intend(record, step.places)
    blob = rooms.store.adopt(obtained.fetched, facts=_facts(record))
    linked, yours = place_links(blob, step.places, rooms)
    rooms.catalog.installs.complete(intent, linked, blob, at=rooms.clock())
    if file.id is not None:
        rooms.catalog.models.learn_hashes(file.id, obtained.fetched.hashes)
    return InstalledFile(
        install=replace(record, id=intent, links=linked),
        blob=blob,
        file=file,
        status="installed",
        yours=yours,
        notes=_notes(obtained, looked_at, file),
    )


def _complete_links(step: Step, present: Install, rooms: Rooms) -> InstalledFile:
    """The bytes are here; only links may be missing (a UI that was configured since)."""
    blob = rooms.store.blob(present.sha256)
    linked, yours = place_links(blob, step.places, rooms)
    have = {link.path for link in present.links}
    new = tuple(link for link in linked if link.path not in have)
    if new and present.id is not None:
        rooms.catalog.installs.add_links(present.id, new)
    return InstalledFile(
        install=replace(present, links=(*present.links, *new)),
        blob=blob,
        file=step.candidate.file,
        status="linked" if new else "already-installed",
        yours=yours,
    )


def place_links(
    blob: Blob, places: tuple[Placement, ...], rooms: Rooms
) -> tuple[tuple[Link, ...], tuple[Path, ...]]:
    """Link a blob into every place; returns our links and the user's own equal files.

    A name that another file holds is left alone: ours gets a short hash in its name.
    """
    ours: list[Link] = []
    yours: list[Path] = []
    for place in places:
        if links.is_the_users(place.path, blob, known=rooms.catalog.installs.owner_of):
            yours.append(place.path)
            continue
        try:
            ours.append(links.link(blob, place.path, layout=place.layout))
        except PlaceTaken:
            other = links.free_name(place.path, blob.sha256)
            ours.append(links.link(blob, other, layout=place.layout))
    return tuple(ours), tuple(yours)


# ── what the file is ──────────────────────────────────────────────────────────────────────────────


def _look_inside(obtained: Obtained, step: Step, rooms: Rooms) -> Inspected:
    """Read what the bytes are; a file that is no model goes to quarantine.

    Raises:
        FormatError: It is not a model file, or a broken one.
        UnsafeFile: A pickle that calls itself safetensors.
    """
    name = step.candidate.file.name
    try:
        looked_at = inspect_file(obtained.fetched.path, name=name, proven=obtained.proven)
    except (FormatError, UnsafeFile) as error:
        rooms.store.quarantine(obtained.fetched.path, str(error))
        raise
    return looked_at


def _type_of(plan: InstallPlan, looked_at: Inspected) -> str:
    if plan.model_type == UNKNOWN_TYPE and looked_at.index is not None:
        return identify(looked_at.index).model_type or UNKNOWN_TYPE
    return plan.model_type


def _filed(step: Step, plan: InstallPlan, looked_at: Inspected, rooms: Rooms) -> Step:
    """The step with its places, now that the content tells the type."""
    found = _type_of(plan, looked_at)
    if found == plan.model_type:
        return step
    return replace(step, places=places_for(found, step.file_name, rooms))


def _facts(record: Install) -> dict[str, str]:
    """What a rebuild of the catalog needs to know beside the bytes."""
    return {
        "file_name": record.file_name,
        "model_type": record.model_type,
        "slug": record.slug or "",
        "reference": record.reference,
        "source": record.source,
    }


def _notes(obtained: Obtained, looked_at: Inspected, file: ModelFile) -> tuple[str, ...]:
    notes = []
    if not obtained.proven:
        notes.append("nobody published a hash of this file: the bytes arrived whole, but unproven")
    if looked_at.format is FileFormat.PICKLE:
        notes.append(
            "this is a pickle: sdreg never opens it, but a UI that loads it carelessly may run code"
        )
    if looked_at.format is not file.variant.format and looked_at.format is not FileFormat.OTHER:
        notes.append(f"published as {file.variant.format}, but its content is {looked_at.format}")
    return tuple(notes)
