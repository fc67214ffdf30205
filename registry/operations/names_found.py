"""Which names in the folders of UIs lead to stored bytes, with or without a record of them."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from registry.domain.install import Placement
from registry.operations.rooms import Rooms


def names_found(digests: Iterable[str], rooms: Rooms) -> Mapping[str, tuple[Placement, ...]]:
    """Hard links and symbolic links to these blobs in every folder that is there.

    Copies are not found so: they share nothing with a blob but its bytes.
    """
    inodes: dict[tuple[int, int], str] = {}
    paths: dict[str, str] = {}
    for sha256 in digests:
        path = rooms.store.path_of(sha256).absolute()
        status = path.lstat()
        inodes[status.st_dev, status.st_ino] = sha256
        paths[os.path.realpath(path)] = sha256
    found: dict[str, list[Placement]] = defaultdict(list)
    for target in rooms.targets if inodes else ():
        for path in _files_below(target.root):
            blob = _leads_to(path, inodes, paths)
            if blob is not None:
                found[blob].append(Placement(target.layout.name, path))
    return {sha256: tuple(places) for sha256, places in found.items()}


def _files_below(root: Path) -> Iterable[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in sorted(names))


def _leads_to(
    path: Path, inodes: Mapping[tuple[int, int], str], paths: Mapping[str, str]
) -> str | None:
    try:
        if path.is_symlink():
            return paths.get(os.path.realpath(path))
        status = path.lstat()
    except OSError:
        return None  # it went away while we looked
    return inodes.get((status.st_dev, status.st_ino))
