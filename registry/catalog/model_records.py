"""The models that the catalog knows. Reading is plain SQL; writing lies in `model_writing`."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from registry.catalog import content_writing, finding, hash_writing, hub_view, search
from registry.catalog.database import Database
from registry.catalog.finding import Wanted
from registry.catalog.mapping import load_models
from registry.catalog.naming import name_key
from registry.catalog.snapshot import Snapshot
from registry.domain.hashes import Hash, Hashes
from registry.domain.model import Model, ModelFile, ModelVersion
from registry.domain.reference import HubRef
from registry.domain.source import Source
from registry.domain.variant import Precision
from registry.errors import AmbiguousReference


class ModelRecords:
    """Models in and out of the database, always as domain values."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    # ── one model ─────────────────────────────────────────────────────────────────────────────────

    def find(self, name: str) -> Model | None:
        """The model of this name: its slug, its name however spaced, or the name of a file."""
        number = finding.by_name(self._database, name)
        return None if number is None else self._one(number)

    def near(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Slugs that somebody may have meant who typed `name`; closest first."""
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - only for names that were not found

        key = name_key(name)
        choices = {
            row[0]: row[0] for row in self._database.rows("SELECT slug FROM models ORDER BY slug")
        }
        begin = [slug for slug in choices if key and slug.startswith(key)][:limit]
        close = process.extract(key, choices, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=limit)
        found = dict.fromkeys([*(slug for _, _, slug in close), *begin])
        return tuple(found)[:limit]

    def names(self, prefix: str, limit: int = 50) -> tuple[str, ...]:
        """Slugs that begin so, in order; for completion."""
        begin = prefix.casefold()
        rows = self._database.rows(
            "SELECT slug FROM models WHERE slug >= ? AND slug < ? ORDER BY slug LIMIT ?",
            (begin, begin + _BEHIND_ALL, limit),
        )
        return tuple(row[0] for row in rows)

    def by_hub(self, ref: HubRef) -> Model | None:
        """The model that a hub's ids name, with only those versions and files that they name.

        Raises:
            AmbiguousReference: The ids name parts of several of our models alike.
        """
        numbers = finding.by_hub_ids(
            self._database, ref.hub, model=ref.model, version=ref.version, file=ref.file
        )
        views = [
            (hub_view.closeness(model, ref), view)
            for model in load_models(self._database, numbers)
            if (view := hub_view.narrowed(model, ref))
        ]
        if not views:
            return None
        nearest = min(closeness for closeness, _ in views)
        best = [view for closeness, view in views if closeness == nearest]
        if len(best) > 1:
            raise AmbiguousReference(str(ref), tuple(model.slug for model in best))
        return best[0]

    def by_hash(self, wanted: Hash) -> tuple[tuple[Model, ModelVersion, ModelFile], ...]:
        """Every file that may have this hash; short hashes match by their digits alone."""
        pairs = finding.by_hash(self._database, wanted)
        files = {file_id for _, file_id in pairs}
        models = load_models(self._database, sorted({model_id for model_id, _ in pairs}))
        return tuple(
            (model, version, file)
            for model in models
            for version, file in model.files
            if file.id in files
        )

    def was_typed(self, url: str) -> bool:
        """Whether the user once typed this address: then its model came from the address itself."""
        found = self._database.rows(
            "SELECT 1 FROM sources JOIN files ON files.id = sources.file_id "
            "JOIN versions ON versions.id = files.version_id "
            "JOIN models ON models.id = versions.model_id "
            "WHERE sources.url = ? AND models.origin = 'direct' LIMIT 1",
            (url,),
        )
        return bool(found)

    # ── many models ───────────────────────────────────────────────────────────────────────────────

    def overview(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the word that the command and the domain use
        base: str | None = None,
        installed: bool | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[Model, ...]:
        """Models in order of their slugs."""
        wanted = Wanted(type, base, installed)
        ids = finding.listed(self._database, wanted, limit=limit, offset=offset)
        return load_models(self._database, ids)

    def count(
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `overview`
        base: str | None = None,
        installed: bool | None = None,
    ) -> int:
        """How many models `overview` would give without a limit."""
        return finding.count(self._database, Wanted(type, base, installed))

    def search(self, text: str, limit: int = 50) -> tuple[Model, ...]:
        """Models of which every word of `text` begins some word; best first."""
        return load_models(self._database, search.matching_ids(self._database, text, limit=limit))

    def evidence(self, told: str) -> dict[str, str]:
        """What the keys of evidence in a text stand for, such as ``CML`` in "CML 66"."""
        words = set(_KEY.findall(told))
        rows = self._database.rows("SELECT key, what, as_of FROM evidence ORDER BY key")
        return {
            key: f"{what} ({as_of})" if as_of else what
            for key, what, as_of in rows
            if key in words and what
        }

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    def save(
        self,
        model: Model,
        *,
        at: datetime | None = None,
        into: str | None = None,
        snapshot: Snapshot | None = None,
    ) -> Model:
        """Add what a hub says about a model, and keep what the hub said.

        What the seed or a user said is believed over a hub; nothing is erased.

        Args:
            model: As the hub describes it.
            at: When it said so; now, if left out.
            into: Slug of our model that this is about, where the caller knows.
            snapshot: The hub's own words.

        Returns:
            The model as the catalog holds it now.
        """
        from registry.catalog import model_writing  # noqa: PLC0415 - reads do without it

        (number,) = model_writing.save_all(
            self._database, [model], at=at or self._clock(), into=into, snapshot=snapshot
        )
        return self._one(number)

    def save_all(self, models: Iterable[Model], *, at: datetime | None = None) -> tuple[Model, ...]:
        """The same for many models, in one transaction: all of them or none.

        Returns:
            The models as the catalog holds them now, in the same order.
        """
        from registry.catalog import model_writing  # noqa: PLC0415 - as above

        several = tuple(models)
        if not several:
            return ()  # nothing to write asks for no lock, and no disk that takes writes
        numbers = model_writing.save_all(self._database, several, at=at or self._clock())
        return load_models(self._database, numbers)

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep an answer of a hub that describes no model, such as "not found"."""
        from registry.catalog import model_writing  # noqa: PLC0415 - as above

        model_writing.keep_snapshot(self._database, snapshot)

    def mark_gone(self, source: Source, at: datetime) -> int:
        """Note that a place was seen empty. Nothing is erased.

        Args:
            source: The place; its parts that are None match every source.
            at: When it was seen.

        Returns:
            How many sources were marked that were not before.
        """
        from registry.catalog import model_writing  # noqa: PLC0415 - as above

        return model_writing.mark_gone(self._database, source, at)

    def mark_present(self, source: Source) -> int:
        """Take the mark of `mark_gone` away again; how many sources had it."""
        from registry.catalog import model_writing  # noqa: PLC0415 - as above

        return model_writing.mark_present(self._database, source)

    def learn_hashes(self, file_id: int, hashes: Hashes, confidence: str | None = None) -> None:
        """Add hashes that were measured on the whole bytes of a file.

        A lesser hash (AutoV1, AutoV3, CRC32) that differs was wrong, and gives way.

        Raises:
            ValueError: They contradict a known SHA-256 or BLAKE3: the bytes are not of this file.
        """
        with self._database.transaction() as transaction:
            hash_writing.learn_hashes(transaction, file_id, hashes, confidence=confidence)

    def learn_content(
        self, file_id: int, *, precision: Precision | None, contradictions: Sequence[str] = ()
    ) -> None:
        """Keep what a file itself showed; the precision in its header is believed from now on.

        What was said and is not so is kept beside it, each sentence once.
        """
        content_writing.learn_content(self._database, file_id, precision, contradictions)

    def _one(self, number: int) -> Model:
        return load_models(self._database, [number])[0]


_KEY = re.compile(r"[A-Z][A-Z0-9-]+")
_ALIKE = 60.0  # of 100: one typo in a short word still counts as alike
_BEHIND_ALL = "\U0010ffff"
