"""Ask the hubs again about models that the catalog knows; what they no longer have stays known."""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.domain.model import Model
from registry.domain.progress import Progress
from registry.domain.reference import HubRef
from registry.domain.source import Source
from registry.errors import GoneFromHub, HubError
from registry.operations.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one hub said about one model.

    Attributes:
        outcome: ``current``, ``gone`` or ``failed``.
    """

    slug: str
    reference: str
    outcome: str
    message: str = ""


def refresh(models: Iterable[Model], rooms: Rooms, progress: Progress) -> tuple[Refreshed, ...]:
    """Refresh models from every hub that has them; a failure of one does not stop the others."""
    results: list[Refreshed] = []
    for model in models:
        for reference in _at_hubs(model):
            progress.say(f"{model.slug}: asking {reference}")
            results.append(_ask(model, reference, rooms))
    return tuple(results)


def _at_hubs(model: Model) -> tuple[HubRef, ...]:
    sources = (source for _, file in model.files for source in file.sources)
    pairs = dict.fromkeys((source.hub, source.model) for source in sources if source.model)
    return tuple(HubRef(hub, model=name) for hub, name in pairs)


def _ask(model: Model, reference: HubRef, rooms: Rooms) -> Refreshed:
    try:
        found = rooms.hub(reference.hub).find(reference)
        rooms.catalog.models.save(found, into=model.slug)
    except GoneFromHub as error:
        rooms.catalog.models.mark_gone(
            Source(reference.hub, model=reference.model), at=rooms.clock()
        )
        return Refreshed(model.slug, str(reference), "gone", str(error))
    except HubError as error:
        return Refreshed(model.slug, str(reference), "failed", str(error))
    return Refreshed(model.slug, str(reference), "current")
