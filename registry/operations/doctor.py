"""Look at the whole installation and say what is not right, each with its remedy."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog import look_at_schema
from registry.errors import CatalogDamaged, SdregError
from registry.operations.health import Check, Health
from registry.operations.permissions import check_permissions
from registry.operations.rooms import Rooms
from registry.operations.surroundings import (
    check_device,
    check_extra,
    check_network,
    check_sandbox,
    check_tokens,
)
from registry.operations.written_beside import facts_of, key_of, told
from registry.store.garbage import removable
from registry.store.space import free_bytes, probe

if TYPE_CHECKING:
    from registry.domain.install import Install
    from registry.hubs.hub import Hub
    from registry.store.blobs import Store

_LITTLE_BYTES = 10 * 1000**3
_CLOCK_MAY_DIFFER = timedelta(hours=1)
_SET_ASIDE = (
    "`sdreg doctor --rebuild` sets it aside and makes a new one from the stored files, which "
    "stay as they are"
)
_NO_RECORD = "`sdreg doctor --rebuild` records them again; `sdreg gc` throws them away"


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation as it lies there, before any of its rooms is entered.

    Attributes:
        enter: Opens the rooms, which makes a catalog where there is none.
        hubs: Opens the hubs, which ask nobody yet.
        logged_in: Whether a token for a hub is known.
        environment: What a process that runs strangers' code may know of ours.
        user_agent: Who we say we are.
    """

    home: Path
    catalog_file: Path
    token_file: Path
    store: "Store"
    enter: Callable[[], Rooms]
    hubs: "Callable[[], Mapping[str, Hub]]"
    logged_in: Callable[[str], bool]
    environment: Mapping[str, str]
    user_agent: str


def doctor(patient: Patient, *, offline: bool = False) -> tuple[Check, ...]:
    """Check the home, the catalog, the store, the UIs, the hubs and the tools.

    Changes nothing, and never raises `SdregError`: what cannot even be looked at is a line of the
    report.

    Args:
        patient: What to look at.
        offline: Ask no hub whether it can be reached.
    """
    return (
        *_told(lambda: _home(patient.home)),
        *_told(lambda: check_permissions(patient.home, patient.token_file, patient.store)),
        *_told(lambda: _inside(patient)),
        *_told(lambda: _hubs(patient, offline=offline)),
        *check_sandbox(),
        check_device(patient.environment),
        check_extra("keyring", "keyring", "tokens are kept in a file that only you can read"),
    )


def _told(look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except CatalogDamaged as error:
        yield Check("catalog", Health.BAD, str(error), _SET_ASIDE)
    except SdregError as error:
        yield Check.of(error)


def _home(home: Path) -> Iterator[Check]:
    if home.exists() and not home.is_dir():
        yield Check("home", Health.BAD, f"{home} is no folder", "set SDREG_HOME")
        return
    yield Check("home", Health.GOOD, str(home))
    free = free_bytes(home)
    if free < _LITTLE_BYTES:
        remedy = "one checkpoint takes 2 to 7 GB: free some space or move SDREG_HOME"
        yield Check("space", Health.NOTE, f"{free:,} bytes free", remedy)
    else:
        yield Check("space", Health.GOOD, f"{free:,} bytes free")


def _hubs(patient: Patient, *, offline: bool) -> Iterator[Check]:
    hubs = tuple(patient.hubs().values())
    yield from check_tokens(hubs, patient.logged_in)
    if not offline:
        yield from check_network(hubs, user_agent=patient.user_agent)


def _inside(patient: Patient) -> Iterator[Check]:
    schema = look_at_schema(patient.catalog_file)
    if schema.is_older:
        # Whoever enters brings it up, and this is a question: it changes nothing.
        says = f"{schema.found}; this sdreg writes {schema.known}"
        remedy = "`sdreg catalog upgrade` brings it up; a copy is made first"
        yield Check("schema", Health.NOTE, says, remedy)
        return
    rooms = patient.enter()
    yield Check("schema", Health.GOOD, f"{schema.known}, the newest that this sdreg knows")
    yield _catalog(rooms)
    yield from _clock(rooms)
    yield from _unfinished(rooms)
    yield from _store(rooms)
    yield from _targets(rooms)


def _catalog(rooms: Rooms) -> Check:
    trouble = rooms.catalog.check()
    if trouble:
        return Check("catalog", Health.BAD, "; ".join(trouble), _SET_ASIDE)
    return Check("catalog", Health.GOOD, f"sound, {rooms.catalog.models.count():,} models")


def _clock(rooms: Rooms) -> Iterator[Check]:
    limit = rooms.clock() + _CLOCK_MAY_DIFFER
    verified = (blob.verified_at for blob in rooms.catalog.installs.blobs())
    installed = (install.installed_at for install in rooms.catalog.installs.all())
    latest = max((at for at in (*verified, *installed) if at is not None), default=None)
    if latest is not None and latest > limit:
        says = f"the catalog speaks of {latest:%Y-%m-%d %H:%M} UTC, which is yet to come"
        remedy = "set this machine's clock; if it is right, `sdreg verify` notes the true date"
        yield Check("clock", Health.NOTE, says, remedy)


def _unfinished(rooms: Rooms) -> Iterator[Check]:
    intents = rooms.catalog.installs.pending()
    parts = rooms.downloader.unfinished()
    if not intents and not parts:
        yield Check("unfinished", Health.GOOD, "no interrupted install or download")
    if intents:
        names = ", ".join(intent.install.file_name for intent in intents[:3])
        says = f"{len(intents)} installs were begun and not ended: {names}"
        remedy = "`sdreg doctor --fix` ends those at which nobody is at work"
        yield Check("unfinished", Health.NOTE, says, remedy)
    if parts:
        says = f"{len(parts)} downloads were interrupted"
        remedy = "run the same `sdreg install` again: it goes on; `sdreg downloads` shows them"
        yield Check("unfinished", Health.NOTE, says, remedy)


def _store(rooms: Rooms) -> Iterator[Check]:
    installs = rooms.catalog.installs.all()
    present = set(rooms.store.list())
    intended = {intent.install.sha256 for intent in rooms.catalog.installs.pending()}
    wanted = {install.sha256 for install in installs}
    missing = wanted - present
    if missing:
        names = ", ".join(sorted(i.file_name for i in installs if i.sha256 in missing))
        yield Check("store", Health.BAD, f"files are missing: {names}", "run `sdreg repair`")
    else:
        yield Check("store", Health.GOOD, f"{len(present)} files, each where its record says")
    orphans = removable(referenced=wanted | intended, present=present)
    if orphans:
        size = sum(rooms.store.blob(sha256).size_bytes for sha256 in orphans)
        says = f"{len(orphans)} files that nothing refers to ({size:,} bytes)"
        yield Check("orphans", Health.NOTE, says, _NO_RECORD)
    silent = sorted({i.file_name for i in installs if i.sha256 in present and _is_silent(i, rooms)})
    if silent:
        says = f"what a rebuild needs is not written beside {len(silent)} files: {silent[0]}"
        remedy = "`sdreg doctor --fix` writes it again; the next audit measures their pieces"
        yield Check("documents", Health.NOTE, says, remedy)


def _is_silent(install: "Install", rooms: Rooms) -> bool:
    written = {key_of(facts) for facts in told(install.sha256, rooms)}
    return key_of(facts_of(install)) not in written


def _targets(rooms: Rooms) -> Iterator[Check]:
    for target in rooms.targets:
        what = f"ui {target.layout.name}"
        if not target.is_there:
            remedy = f"`sdreg config set ui.{target.layout.name} FOLDER`"
            yield Check(what, Health.BAD, f"{target.root} does not exist", remedy)
            continue
        found = probe(target.root, beside=rooms.home)
        says = f"{target.root}: links by {', '.join(found.methods) or 'nothing'}"
        if found.methods:
            yield Check(what, Health.GOOD, says)
        else:
            yield Check(what, Health.BAD, says, "check its permissions")
