"""Where files go that cannot be trusted: set aside, with a note why, and never deleted by us."""

import errno
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from registry.store.content import copy_proven
from registry.store.disk import Move, delete, make_folder, move_new, new_file, sync_folder
from registry.store.paths import safe_name, with_mark

logger = logging.getLogger(__name__)

_NOTE = ".why.txt"


class Quarantine:
    """The files that were set aside in one folder. What changes it may raise `OSError`."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable

    def holds(self, path: Path) -> bool:
        """Whether `path` is one more name of a file in here."""
        try:
            mine = path.lstat()
            aside = [entry.stat(follow_symlinks=False) for entry in os.scandir(self.folder)]
        except OSError:
            return False
        return any(os.path.samestat(mine, other) for other in aside)

    def list(self) -> Iterator[Path]:
        """Everything in here, in order of names."""
        if self.folder.is_dir():
            yield from sorted(p for p in self.folder.iterdir() if not p.name.endswith(_NOTE))

    def has_note(self, path: Path) -> bool:
        """Whether `path` lies in here with the note that we write for what we set aside."""
        note = path.with_name(path.name + _NOTE)
        return path.parent == self.folder and path.is_file() and note.is_file()

    def drop(self, path: Path) -> bool:
        """Delete a file that was set aside, then its note; False if it is none of those."""
        if not self.has_note(path):
            return False
        delete(path)
        delete(path.with_name(path.name + _NOTE))
        return True

    def take(self, path: Path, because: str) -> Path:
        """Move a file in and say where it lies now."""
        return self._set_aside(path, because, self._move_or_copy)

    def take_keeping_the_name(self, path: Path, because: str) -> Path:
        """Give a file a name in here; its old one stays until another file takes it in one step.

        Where the file system has no second names, the file moves.
        """
        return self._set_aside(path, because, _link_or_move)

    def _set_aside(self, path: Path, because: str, by: Move) -> Path:
        make_folder(self.folder, durable=self.durable)
        aside = next(place for place in self._places(path.name) if _put(path, place, because, by))
        logger.info("set %s aside as %s: %s", path, aside, because)
        if self.durable:
            sync_folder(self.folder)
        return aside

    def _places(self, wished: str) -> Iterator[Path]:
        name = safe_name(wished)
        yield self.folder / name
        for number in itertools.count(2):
            yield self.folder / with_mark(name, f"-{number}")

    def _move_or_copy(self, source: Path, path: Path) -> None:
        try:
            move_new(source, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with source.open("rb", buffering=0) as old, new_file(path.parent, mode=0o644) as new:
                copy_proven(old, new.file)
                new.publish(path, durable=self.durable)
            delete(source)


def _put(path: Path, place: Path, because: str, by: Move) -> bool:
    """Try one place; False if it is taken."""
    if os.path.lexists(place):
        return False
    note = place.with_name(place.name + _NOTE)
    try:
        # The note comes first: it holds the name for us, and no file lies here without one.
        with note.open("x", encoding="utf-8", errors="backslashreplace") as out:
            out.write(f"{path}\n{because}\n")
        by(path, place)
    except FileExistsError:
        return False
    except OSError:
        note.unlink(missing_ok=True)
        raise
    return True


def _link_or_move(source: Path, path: Path) -> None:
    try:
        os.link(source, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        move_new(source, path)
