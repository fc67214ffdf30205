"""The hubs that publish models: who owns a reference, what it names, where its bytes are now.

One hub is one file that says ``HUB = <Name>Hub``; `registry.discovery.collect` finds it.
"""

from collections.abc import Iterable

from registry.domain.reference import HubRef, ModelRef, UrlRef
from registry.errors import InvalidReference
from registry.hubs.hub import Hub


def claim(reference: ModelRef, hubs: Iterable[Hub]) -> tuple[Hub, HubRef | UrlRef]:
    """Find the hub that owns a reference, and the reference in that hub's own ids.

    Hubs that take what nobody else wants are asked last.

    Raises:
        InvalidReference: No hub owns it.
    """
    for hub in sorted(hubs, key=lambda hub: hub.takes_leftovers):
        claimed = hub.claims(reference)
        if claimed is not None:
            return hub, claimed
    raise InvalidReference(str(reference), "no hub that we know has such references")
