"""What the operations work with: the opened rooms, handed down together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import HubUnreachable

if TYPE_CHECKING:
    from registry.catalog import Catalog
    from registry.hubs.hub import Hub
    from registry.layouts.layout import Layout
    from registry.store.blobs import Store
    from registry.transfer.download import Downloader


@dataclass(frozen=True, slots=True)
class Target:
    """One folder tree that installed files are linked into.

    Attributes:
        ours: We make the folder ourselves: the library.
    """

    layout: "Layout"
    root: Path
    ours: bool = False

    @property
    def is_there(self) -> bool:
        """Whether links can be made: a UI's folder that is not there may be an unplugged drive."""
        return self.ours or self.root.is_dir()


@dataclass(frozen=True, slots=True)
class Rooms:
    """The opened rooms of one home.

    Attributes:
        targets: The library first, then the UIs that the user configured.
        clock: Now, in aware UTC.
    """

    home: Path
    catalog: "Catalog"
    store: "Store"
    downloader: "Downloader"
    hubs: "Mapping[str, Hub]"
    targets: tuple[Target, ...]
    clock: Callable[[], datetime]

    def hub(self, name: str) -> "Hub":
        """The hub of this name.

        Raises:
            HubUnreachable: A catalog names a hub that we do not know.
        """
        if name not in self.hubs:
            raise HubUnreachable(name, "sdreg knows no hub of this name")
        return self.hubs[name]
