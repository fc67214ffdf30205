"""Look at the whole installation and say what is not right, each with its remedy."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from registry.errors import CatalogDamaged, SdregError, StoreError
from registry.operations.rooms import Rooms
from registry.pickles.sandbox import layers
from registry.store.garbage import removable
from registry.store.space import free_bytes, probe

_LITTLE_BYTES = 10 * 1000**3
_SET_ASIDE = (
    "`sdreg doctor --rebuild` sets it aside and makes a new one from the stored files, which "
    "stay as they are"
)
_NO_RECORD = "`sdreg doctor --rebuild` records them again; `sdreg gc` throws them away"
_WALL_MISSING = (
    "nothing to do: files are still read without obeying them; this is one wall less behind that"
)


class Health(StrEnum):
    """How one thing is."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        remedy: What to do about it; None if nothing needs to be done.
    """

    what: str
    health: Health
    says: str
    remedy: str | None = None


def doctor(rooms: Rooms, *, logged_in: Callable[[str], bool]) -> tuple[Check, ...]:
    """Check the home, the catalog, the store, the UIs and the tools. Changes nothing.

    Args:
        rooms: The opened rooms.
        logged_in: Whether a token for a hub is known.
    """
    return (
        *_home(rooms.home),
        _catalog(rooms),
        _unfinished(rooms),
        *_store(rooms),
        *_targets(rooms),
        *_hubs(rooms, logged_in),
        *_sandbox(),
        _extra("keyring", "keyring", "tokens are kept in a file that only you can read"),
    )


def broken(home: Path, error: SdregError) -> tuple[Check, ...]:
    """The report of a home that cannot be opened: what can be said without it."""
    remedy = error.hint
    if isinstance(error, CatalogDamaged):
        remedy = _SET_ASIDE
    return (*_home(home), Check(error.code, Health.BAD, str(error), remedy))


def _home(home: Path) -> Iterator[Check]:
    if home.exists() and not os.access(home, os.W_OK):
        yield Check("home", Health.BAD, f"{home} cannot be written", "set SDREG_HOME")
    else:
        yield Check("home", Health.GOOD, str(home))
    try:
        free = free_bytes(home)
    except StoreError as error:
        yield Check("space", Health.BAD, str(error), error.hint)
        return
    if free < _LITTLE_BYTES:
        remedy = "one checkpoint takes 2 to 7 GB: free some space or move SDREG_HOME"
        yield Check("space", Health.NOTE, f"{free:,} bytes free", remedy)
    else:
        yield Check("space", Health.GOOD, f"{free:,} bytes free")


def _catalog(rooms: Rooms) -> Check:
    try:
        trouble = rooms.catalog.quick_check()
    except SdregError as error:
        return Check("catalog", Health.BAD, str(error), error.hint)
    if trouble:
        return Check("catalog", Health.BAD, "; ".join(trouble), _SET_ASIDE)
    return Check("catalog", Health.GOOD, f"sound, {rooms.catalog.models.count():,} models")


def _unfinished(rooms: Rooms) -> Check:
    intents = len(rooms.catalog.installs.pending())
    parts = len(rooms.downloader.unfinished())
    if not intents and not parts:
        return Check("unfinished", Health.GOOD, "no interrupted install or download")
    says = f"{intents} installs and {parts} downloads were interrupted"
    return Check("unfinished", Health.NOTE, says, "run the same `sdreg install` again")


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


def _hubs(rooms: Rooms, logged_in: Callable[[str], bool]) -> Iterator[Check]:
    for name, hub in rooms.hubs.items():
        if name == "direct":
            continue
        if logged_in(name):
            yield Check(name, Health.GOOD, f"a token for {hub.title} is known")
        else:
            says = f"no token for {hub.title}: gated files cannot be had"
            yield Check(name, Health.NOTE, says, f"`sdreg login {name}`")


def _sandbox() -> Iterator[Check]:
    """The walls around the child that reads strangers' files."""
    try:
        walls = layers()
    except SdregError as error:
        yield Check("sandbox", Health.BAD, str(error), "files of strangers cannot be converted")
        return
    standing = [wall.name for wall in walls if wall.stands]
    if standing:
        yield Check("sandbox", Health.GOOD, f"closed by {', '.join(standing)}")
    for wall in walls:
        if not wall.stands:
            says = f"not there: {wall.says}"
            yield Check(f"sandbox {wall.name}", Health.NOTE, says, _WALL_MISSING)


def _extra(what: str, module: str, otherwise: str) -> Check:
    if find_spec(module):
        return Check(what, Health.GOOD, "installed")
    return Check(what, Health.NOTE, f"not installed: {otherwise}", f"`pip install sdreg[{what}]`")
