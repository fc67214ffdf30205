"""Which known version, file or source is the one that somebody speaks of? Pure."""

from collections.abc import Sequence

from registry.catalog.known import KnownFile, KnownVersion
from registry.catalog.seed_schema import SeedFile, SeedHashes, SeedSource, SeedVersion

_PROOFS = ("sha256", "blake3")


def match_version(known: Sequence[KnownVersion], facts: SeedVersion) -> KnownVersion | None:
    """The version with the same id at its hub, else with the same name where the ids allow it."""
    for version in known:
        if (version.facts.name, version.facts.hub_version_id) == (facts.name, facts.hub_version_id):
            return version
    for version in known:
        if facts.hub_version_id and version.facts.hub_version_id == facts.hub_version_id:
            return version
    for version in known:
        if version.facts.name == facts.name and _compatible(
            version.facts.hub_version_id, facts.hub_version_id
        ):
            return version
    return None


def match_file(known: Sequence[KnownFile], facts: SeedFile) -> KnownFile | None:
    """The same file: by everything, by its id at the hub, or by name and SHA-256.

    A file whose proof contradicts the known one is another file, whatever its name and id say.
    """
    fitting = [file for file in known if not contradict(file.facts.hashes, facts.hashes)]
    for file in fitting:
        if _identity(file.facts) == _identity(facts):
            return file
    for file in fitting:
        if facts.hub_file_id and file.facts.hub_file_id == facts.hub_file_id:
            return file
    namesakes = [
        file
        for file in fitting
        if file.facts.name == facts.name and _compatible(file.facts.hub_file_id, facts.hub_file_id)
    ]
    for file in namesakes:
        if facts.hashes.sha256 and file.facts.hashes.sha256 == facts.hashes.sha256:
            return file
    return namesakes[0] if len(namesakes) == 1 else None


def match_source(known: Sequence[SeedSource], facts: SeedSource) -> int | None:
    """Index of the source that leads to the same place; a pinned revision is another place."""
    for index, source in enumerate(known):
        if _place(source) == _place(facts):
            return index
    for index, source in enumerate(known):
        # Civitai's version ids are unique by themselves: the other parts may just be unknown.
        if (
            source.hub == facts.hub == "civitai"
            and source.version == facts.version is not None
            and _compatible(source.model, facts.model)
            and _compatible(source.file, facts.file)
        ):
            return index
    return None


def contradict(known: SeedHashes, other: SeedHashes) -> bool:
    """Whether these cannot be hashes of one file. Short hashes collide and decide nothing."""
    return any(not _compatible(getattr(known, kind), getattr(other, kind)) for kind in _PROOFS)


def _compatible(known: str | None, other: str | None) -> bool:
    return known is None or other is None or known == other


def _identity(file: SeedFile) -> tuple[str, str | None, str | None]:
    return file.name, file.hashes.sha256, file.hub_file_id


def _place(source: SeedSource) -> tuple[str | None, ...]:
    return source.hub, source.model, source.version, source.file, source.url
