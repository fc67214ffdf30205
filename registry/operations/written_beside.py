"""What is written beside a stored file about its installs, so that a lost catalog comes back.

One file may be installed under several names or for several models; each is written there, the
first one first. The catalog is what counts as long as there is one.
"""

from collections.abc import Iterable, Mapping

from registry.domain.install import Install
from registry.operations.rooms import Rooms
from registry.store.paths import safe_name

Facts = Mapping[str, str]


def facts_of(install: Install) -> Facts:
    """What a rebuild of the catalog needs to know of one install."""
    return {
        "file_name": install.file_name,
        "model_type": install.model_type,
        "slug": install.slug or "",
        "reference": install.reference,
        "source": install.source,
        "derived_from": install.derived_from or "",
        "proven": "yes" if install.proven else "no",
        "installed_at": install.installed_at.isoformat(),
    }


def key_of(facts: Facts) -> tuple[str, str]:
    """What tells the installs of one file apart: its model and its name."""
    return facts.get("slug", ""), safe_name(facts["file_name"])


def told(sha256: str, rooms: Rooms) -> tuple[Facts, ...]:
    """Everything that is written beside a stored file about its installs."""
    record = rooms.store.record(sha256)
    written = (record.facts, *(record.further or ())) if record is not None else ()
    return tuple(facts for facts in written if facts.get("file_name"))


def note(installs: Iterable[Install], rooms: Rooms) -> bool:
    """Write installs of one file beside it; says whether any was not there yet.

    The caller holds the claim of the file.

    Raises:
        StoreUnwritable: The disk refuses.
    """
    changed = False
    for install in installs:
        facts = facts_of(install)
        kept = {key_of(each): each for each in told(install.sha256, rooms)}
        changed = changed or key_of(facts) not in kept
        rooms.store.keep_facts(install.sha256, (kept | {key_of(facts): facts}).values())
    return changed


def forget(install: Install, rooms: Rooms) -> None:
    """Write of one install no more; the caller holds the claim of the file.

    Raises:
        StoreUnwritable: The disk refuses.
    """
    gone = key_of(facts_of(install))
    written = told(install.sha256, rooms)
    left = [facts for facts in written if key_of(facts) != gone]
    if len(left) < len(written):
        rooms.store.keep_facts(install.sha256, left)
