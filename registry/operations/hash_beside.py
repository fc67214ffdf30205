"""Hash files while others work with them, and tell the hashes when they are known."""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from registry.errors import UnreadableFile

_CHUNK_BYTES = 1024 * 1024


class Hashes:
    """The SHA-256 of some files, sooner or later.

    Attributes:
        place: Where a task learns them: a list, or the descriptor of a pipe, which tells them as
            one line each when all are known.
    """

    def __init__(self, place: int | list[str]) -> None:
        self.place = place
        self._found: list[str] = place if isinstance(place, list) else []
        self._failure: UnreadableFile | None = None
        self._stop = threading.Event()

    def known(self) -> tuple[str, ...]:
        """All of them; whoever read the pipe to its end need not wait.

        Raises:
            UnreadableFile: A file could not be read.
        """
        if self._failure is not None:
            raise self._failure
        return tuple(self._found)

    def compute(self, files: Sequence[tuple[Path, str | None]], tell: int) -> None:
        """Hash the files, and write the hashes into a pipe, which is closed in any case."""
        try:
            found = [sha256 or self._digest(path) for path, sha256 in files]
            self._found = found
            os.write(tell, "\n".join(found).encode())
        except UnreadableFile as error:
            self._failure = error
        finally:
            os.close(tell)

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._stop.set()

    def _digest(self, path: Path) -> str:
        whole = hashlib.sha256()
        try:
            with path.open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    whole.update(chunk)
                    if self._stop.is_set():
                        break
        except OSError as error:
            raise UnreadableFile(str(path), error.strerror or str(error)) from error
        return whole.hexdigest()


@contextmanager
def hashing(files: Sequence[tuple[Path, str | None]]) -> Iterator[Hashes]:
    """Compute the hashes that are not known yet, in a thread that ends with the block.

    Windows gives no descriptors to children: there the hashes are computed first.
    """
    known = [sha256 for _, sha256 in files if sha256 is not None]
    if len(known) == len(files):
        yield Hashes(known)
        return
    listen, tell = os.pipe()
    hashes = Hashes(listen)
    worker = threading.Thread(target=hashes.compute, args=(files, tell), daemon=True)
    worker.start()
    try:
        if os.name == "nt":
            worker.join()
            hashes.place = list(hashes.known())
        yield hashes
    finally:
        hashes.stop()
        worker.join()
        os.close(listen)
