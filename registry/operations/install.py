"""Fetch, prove, keep, link, record.

Disk first, catalog last: a crash may leave a blob that nobody refers to, but never a record
without its blob. The order of steps is that of docs/how-it-works.md, every one can be run again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.hashes import Hashes
from registry.domain.install import Blob, Install
from registry.domain.model import FileRole, Model, ModelFile
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat
from registry.errors import (
    FormatError,
    GoneFromHub,
    HubError,
    TransferError,
    UnsafeFile,
)
from registry.formats.safetensors import header_of
from registry.operations.compare import learn_from_file
from registry.operations.convert_at_install import Arrival, convert_arrival, stored_as_arrived
from registry.operations.inspect_file import Inspected, inspect_file
from registry.operations.obtain import Obtained, obtain
from registry.operations.place_links import complete_links, place_links
from registry.operations.plan_install import (
    UNKNOWN_TYPE,
    InstallPlan,
    Step,
    beside,
    human_name,
    places_for,
    present,
    step_for,
)
from registry.operations.rooms import Rooms
from registry.operations.written_beside import facts_of, note, told
from registry.resolve.companions import companions
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
    """Carry out a plan, and throw away what downloads have left behind.

    Raises:
        SdregError: As `carry_out` does.
    """
    report = carry_out(plan, rooms, progress)
    rooms.downloader.tidy()
    return report


def carry_out(plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstallReport:
    """Fetch, prove, keep, link and record what a plan names.

    When every source of the chosen file is gone, the next best file of the model is taken, and
    that is said.

    Raises:
        GoneFromHub: No file of the model can be had any more.
        HashMismatch: A file is not what was promised. Nothing of it is kept under a final name.
        HashDisputed: Several reads agree on other bytes, and `plan` does not accept them.
        SdregError: As `obtain` and the store raise.
    """
    step, first = _first_that_can_be_had(plan, rooms, progress)
    done = [first]
    for file in companions(step.candidate.version, step.candidate.file):
        companion = beside(step, file, plan.model, rooms)
        try:
            done.append(_take(companion, plan, rooms, progress))
        except (HubError, TransferError) as error:
            # The model is here and recorded; what is missing beside it is told, not raised.
            note = f"{companion.file_name} belongs beside it and could not be had: {error}"
            done[0] = replace(done[0], notes=(*done[0].notes, note))
    return InstallReport(plan.reference, plan.model, tuple(done))


def _first_that_can_be_had(
    plan: InstallPlan, rooms: Rooms, progress: Progress
) -> tuple[Step, InstalledFile]:
    missed: list[str] = []
    first: GoneFromHub | None = None
    for candidate in plan.choice.ranked:
        step = plan.steps[0]
        if missed:
            step = step_for(
                candidate, plan.model, plan.model_type, rooms, keep_pickle=plan.keep_pickle
            )
            progress.say(f"taking the next best file: {candidate.file.name}")
        try:
            done = _take(step, plan, rooms, progress)
        except GoneFromHub as error:
            first = first or error
            missed.append(candidate.file.name)
        else:
            notes = tuple(
                f"every source of {name} is gone; this is the next best" for name in missed
            )
            return step, replace(done, notes=(*notes, *done.notes))
    raise first or GoneFromHub("every hub", plan.reference)


def _take(step: Step, plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstalledFile:
    if step.present is not None:
        return _complete_links(step, step.present, rooms)
    sha256 = step.candidate.file.hashes.sha256
    if sha256 is None:
        return _bring_in(step, plan, rooms, progress)
    with rooms.downloader.claim(sha256, progress):
        # Another process may have brought it in while we waited for it.
        if rooms.store.has(sha256):
            return _take_from_store(step, plan, sha256, rooms, progress)
        return _bring_in(step, plan, rooms, progress)


def _bring_in(step: Step, plan: InstallPlan, rooms: Rooms, progress: Progress) -> InstalledFile:
    file = step.candidate.file
    obtained = obtain(file, rooms, progress, accept=plan.accept_disputed)
    looked_at = _look_inside(obtained, file, rooms)
    arrival = convert_arrival(
        obtained.fetched, looked_at, rooms, progress, keep_pickle=plan.keep_pickle
    )
    step = _filed(step, plan, arrival.looked_at, rooms)
    record = _record(
        step, plan, arrival, source=str(obtained.source), proven=obtained.proven, rooms=rooms
    )
    # The claim tells `recover` in another process that this intent has somebody who finishes it.
    with rooms.downloader.claim(record.sha256, progress):
        intent = rooms.catalog.installs.intend(record, step.places)
        blob = _adopt(arrival, record, rooms)
        measured = _learnable(file, obtained.fetched.hashes) if obtained.dispute is None else None
        done = _publish(intent, blob, step, rooms, measured=measured)
    notes = (*arrival.notes, *arrival.set_pickle_aside(rooms))
    done = replace(done, notes=(*done.notes, *_notes(obtained), *notes))
    return _compared(done, looked_at, plan, rooms) if obtained.dispute is None else done


def _take_from_store(
    step: Step, plan: InstallPlan, sha256: str, rooms: Rooms, progress: Progress
) -> InstalledFile:
    """The bytes are here, by another process or from an earlier life; no network is needed."""
    known = present(step.candidate.file, plan.model, rooms, keep_pickle=plan.keep_pickle)
    if known is not None:
        return _complete_links(step, known, rooms)
    blob = rooms.store.blob(sha256)
    looked_at = inspect_file(blob.path, name=step.candidate.file.name, proven=True)
    arrival = convert_arrival(
        stored_as_arrived(blob),
        looked_at,
        rooms,
        progress,
        keep_pickle=plan.keep_pickle,
        stored=True,
    )
    step = _filed(step, plan, arrival.looked_at, rooms)
    record = _record(step, plan, arrival, source="this disk", proven=True, rooms=rooms)
    with rooms.downloader.claim(record.sha256, progress):
        intent = rooms.catalog.installs.intend(record, step.places)
        if arrival.derived_from is None:
            note([record], rooms)
        else:
            blob = _adopt(arrival, record, rooms)
        done = _publish(intent, blob, step, rooms)
    done = replace(done, status="linked", notes=(*done.notes, *arrival.notes))
    return _compared(done, looked_at, plan, rooms)


def _record(
    step: Step,
    plan: InstallPlan,
    arrival: Arrival,
    *,
    source: str,
    proven: bool,
    rooms: Rooms,
) -> Install:
    """The record of one file."""
    return Install(
        reference=plan.reference,
        slug=plan.model.slug,
        model_type=_type_of(plan, arrival.looked_at),
        file_name=step.file_name,
        file_id=step.candidate.file.id,
        sha256=arrival.fetched.hashes.sha256 or "",
        size_bytes=arrival.fetched.size_bytes,
        source=source,
        proven=proven,
        installed_at=rooms.clock(),
        derived_from=arrival.derived_from,
    )


def _adopt(arrival: Arrival, record: Install, rooms: Rooms) -> Blob:
    """Store what arrived, and beside it what is known of this install."""
    is_first = not told(record.sha256, rooms)
    header = header_of(arrival.fetched.path)
    blob = rooms.store.adopt(arrival.fetched, facts=facts_of(record), header=header)
    if not is_first:
        note([record], rooms)
    return blob


def _publish(
    intent: int,
    blob: Blob,
    step: Step,
    rooms: Rooms,
    *,
    measured: Hashes | None = None,
) -> InstalledFile:
    """Link the blob and complete the record: steps 5 and 6."""
    placed = place_links(blob, step.places, rooms)
    # The same bytes under the same name and model are one install: an older record may answer.
    install = rooms.catalog.installs.complete(
        intent, placed.links, blob, at=rooms.clock(), learned=measured
    )
    return InstalledFile(
        install=install,
        blob=blob,
        file=step.candidate.file,
        status="installed",
        yours=placed.yours,
        notes=placed.refused,
    )


def _complete_links(step: Step, known: Install, rooms: Rooms) -> InstalledFile:
    """The bytes are here; only links may be missing (a UI that was configured since)."""
    blob = rooms.store.blob(known.sha256)
    places = step.places
    if step.candidate.file.role is not FileRole.CONFIG:
        # The record knows the type that the content told; the plan may not.
        places = places_for(known.model_type, known.file_name, rooms)
    placed, new, install = complete_links(known, blob, places, rooms)
    return InstalledFile(
        install=install,
        blob=blob,
        file=step.candidate.file,
        status="linked" if new else "already-installed",
        yours=placed.yours,
        notes=placed.refused,
    )


# ── what the file is ──────────────────────────────────────────────────────────────────────────────


def _look_inside(obtained: Obtained, file: ModelFile, rooms: Rooms) -> Inspected:
    """Read what the bytes are; a file that is no model goes to quarantine.

    Raises:
        FormatError: It is not a model file, or a broken one.
        UnsafeFile: A pickle that calls itself safetensors.
    """
    path = obtained.fetched.path
    try:
        return inspect_file(path, name=file.name, proven=obtained.proven)
    except (FormatError, UnsafeFile) as error:
        rooms.store.quarantine(path, str(error))
        raise


def _type_of(plan: InstallPlan, looked_at: Inspected) -> str:
    if plan.model_type == UNKNOWN_TYPE and looked_at.index is not None:
        found = identify(looked_at.index).model_type
        return found if found != "unknown" else UNKNOWN_TYPE
    return plan.model_type


def _filed(step: Step, plan: InstallPlan, looked_at: Inspected, rooms: Rooms) -> Step:
    """The step with its name and places, now that the content tells format and type."""
    found = _type_of(plan, looked_at)
    name = _with_suffix(_own_name(step, plan, looked_at.format), looked_at.format)
    if found == plan.model_type and name == step.file_name:
        return step
    return replace(step, file_name=name, places=places_for(found, name, rooms))


def _own_name(step: Step, plan: InstallPlan, found: FileFormat) -> str:
    """The planned name; the publisher's if a conversion was planned and there was no pickle."""
    own = human_name(step.candidate.file, plan.model)
    names = (FileFormat.from_name(own), FileFormat.from_name(step.file_name))
    stayed = found is not FileFormat.SAFETENSORS
    return own if stayed and names == _TO_CONVERT else step.file_name


_TO_CONVERT = (FileFormat.PICKLE, FileFormat.SAFETENSORS)
_SUFFIXES = {
    FileFormat.SAFETENSORS: ".safetensors",
    FileFormat.PICKLE: ".pt",
    FileFormat.GGUF: ".gguf",
}


def _with_suffix(file_name: str, found: FileFormat) -> str:
    """A name without a suffix that UIs know gets the one of its content: they list by suffix."""
    if FileFormat.from_name(file_name) is not FileFormat.OTHER:
        return file_name
    return file_name + _SUFFIXES.get(found, "")


def _learnable(known: ModelFile, measured: Hashes) -> Hashes:
    """What was measured, without a lesser hash that the proven bytes show to be wrong."""
    wrong = {got.kind for _, got in known.hashes.contradictions(measured)}
    return Hashes(tuple(item for item in measured if item.kind not in wrong))


def _compared(
    done: InstalledFile, looked_at: Inspected, plan: InstallPlan, rooms: Rooms
) -> InstalledFile:
    """Say where the file that arrived is not what its hub said; the catalog learns it."""
    found = learn_from_file(
        plan.model, done.file, done.blob.path, rooms, arrived_as=looked_at.format
    )
    notes = (*done.notes, *map(str, found.contradictions))
    return replace(done, file=found.file, notes=notes)


def _notes(obtained: Obtained) -> tuple[str, ...]:
    notes = []
    if obtained.dispute is not None:
        notes.append(f"disputed: {obtained.dispute.promised} was promised; you accepted this hash")
    elif not obtained.proven:
        notes.append("nobody published a hash of this file: the bytes arrived whole, but unproven")
    return tuple(notes)
