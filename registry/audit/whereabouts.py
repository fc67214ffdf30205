"""Where else on this disk may the bytes of a file be? By length first, then by hash."""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from registry.audit.check import Stored, holds
from registry.errors import UnreadableFile
from registry.formats.readable import readable


class Whereabouts:
    """The files below some folders, walked once and only when somebody asks.

    Args:
        roots: Folders to look into; those that are not there hold nothing.
        leave_out: Whether a folder or a file is none that anybody means; no more are other names
            of such a file.
    """

    def __init__(self, roots: Iterable[Path], leave_out: Callable[[Path], bool]) -> None:
        self._roots = tuple(dict.fromkeys(roots))
        self._leave_out = leave_out

    def of_length(self, size_bytes: int) -> tuple[Path, ...]:
        """Every file of this length, each once."""
        return tuple(self._by_length.get(size_bytes, ()))

    def find(self, stored: Stored, is_known: Callable[[Path], bool]) -> Path | None:
        """A file with the very bytes of `stored` at a path that is not known."""
        for path in self.of_length(stored.size_bytes):
            if not is_known(path) and is_the_file(path, stored):
                return path
        return None

    @cached_property
    def _by_length(self) -> dict[int, list[Path]]:
        """Each file under the first of its names; none that is one more name of one left out."""
        found: dict[tuple[int, int], tuple[int, Path]] = {}
        left_out: set[tuple[int, int]] = set()
        for path in self._files():
            try:
                status = path.lstat()
            except OSError:
                continue  # it went away while we looked
            inode = status.st_dev, status.st_ino
            if self._leave_out(path):
                left_out.add(inode)
            elif stat.S_ISREG(status.st_mode):
                found.setdefault(inode, (status.st_size, path))
        by_length: dict[int, list[Path]] = defaultdict(list)
        for inode, (size_bytes, path) in found.items():
            if inode not in left_out:
                by_length[size_bytes].append(path)
        return by_length

    def _files(self) -> Iterator[Path]:
        for root in self._roots:
            for folder, folders, names in os.walk(root):
                here = Path(folder)
                folders[:] = sorted(name for name in folders if not self._leave_out(here / name))
                yield from (here / name for name in sorted(names))


def is_the_file(path: Path, stored: Stored) -> bool:
    """Whether a file has the very bytes of `stored`; reads no further than the first difference.

    False as well for what cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False  # who opens a pipe may wait for ever
        with readable(path) as source:
            return holds(source, stored)
    except (OSError, UnreadableFile):
        return False
