"""Put right what is safe to put right: nothing of the user's is moved, overwritten or deleted.

Each step can be run again, and whoever is killed in between loses nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog import look_at_schema
from registry.domain.progress import Progress
from registry.errors import SdregError, StoreError
from registry.operations.doctor import Patient
from registry.operations.health import Fixed
from registry.operations.permissions import mend_permissions
from registry.operations.recover import recover
from registry.operations.rooms import Rooms
from registry.operations.written_beside import note

if TYPE_CHECKING:
    from registry.domain.install import Install


def put_right(
    patient: Patient, *, set_catalog_aside: Callable[[], Path | None]
) -> tuple[Fixed, ...]:
    """Mend permissions, the catalog, what was interrupted, and what is written beside files.

    Never raises `SdregError`: what stays as it is is told with its reason.

    Args:
        patient: What to put right.
        set_catalog_aside: Moves a damaged catalog away; says where to, or None if it is sound.
    """
    fixed = [*mend_permissions(patient.home, patient.token_file, patient.store)]
    try:
        schema = look_at_schema(patient.catalog_file)
    except SdregError:
        schema = None  # damaged or too new: the next two steps tell
    try:
        moved = set_catalog_aside()
        rooms = patient.enter()
    except SdregError as error:
        return (*fixed, Fixed("catalog", str(error), done=False))
    if moved is not None:
        says = f"the damaged catalog lies in {moved} now; a new one was made"
        fixed.append(Fixed("catalog", says, kept_at=moved))
    elif schema is not None and schema.is_older:
        says = f"brought from {schema.found} to {schema.known}; a copy from before lies in backups"
        fixed.append(Fixed("schema", says))
    return (*fixed, *_swept(rooms), *_recovered(rooms), *_written(rooms))


def _swept(rooms: Rooms) -> Iterator[Fixed]:
    try:
        freed_bytes = rooms.store.sweep()
    except StoreError as error:
        yield Fixed("temporary files", str(error), done=False)
        return
    if freed_bytes:
        says = f"what killed runs left is gone: {freed_bytes:,} bytes"
        yield Fixed("temporary files", says)


def _recovered(rooms: Rooms) -> Iterator[Fixed]:
    for each in recover(rooms):
        match each.outcome:
            case "finished":
                yield Fixed("unfinished", f"the install of {each.file_name} is ended: it is here")
            case "dropped":
                says = f"the install of {each.file_name} is forgotten: its bytes never came"
                yield Fixed("unfinished", f"{says}. `sdreg install` goes on with what is there")
            case _:
                says = f"the install of {each.file_name} stays as it is: {each.because}"
                yield Fixed("unfinished", says, done=False)


def _written(rooms: Rooms) -> Iterator[Fixed]:
    """Write beside stored files what a rebuild will want to know, where it is lost."""
    known: dict[str, list[Install]] = defaultdict(list)
    for install in rooms.catalog.installs.all():
        known[install.sha256].append(install)
    for sha256, installs in known.items():
        name = installs[0].file_name
        try:
            if not rooms.store.has(sha256):
                continue  # that is for `repair`
            with rooms.downloader.claim(sha256, Progress(), wait_s=0):
                changed = note(installs, rooms)
        except StoreError as error:
            yield Fixed("documents", f"nothing is written beside {name}: {error}", done=False)
            continue
        if changed:
            yield Fixed("documents", f"what {name} is stands beside its bytes again")
