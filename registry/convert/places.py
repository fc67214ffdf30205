"""Read and write a file at many places at once, from several threads."""

import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from registry.errors import UnreadableFile

_AT_PLACES = hasattr(os, "preadv")  # Windows has neither of the two calls


class Places:
    """An open file whose position nobody shares.

    Args:
        file: Opened unbuffered, for reading or for both; stays the caller's to close.
        name: What to call it in an error.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file = file
        self.name = name
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return os.fstat(self.file.fileno()).st_size

    def read(self, begin: int, size_bytes: int) -> NDArray[np.uint8]:
        """The bytes of one place.

        Raises:
            UnreadableFile: They cannot be read, or the file ends before.
        """
        wanted = np.empty(size_bytes, np.uint8)
        view = wanted.data
        try:
            while view:
                got = self._read_into(view, begin)
                if not got:
                    raise UnreadableFile(self.name, f"it ends at byte {begin:,}, too early")
                begin += got
                view = view[got:]
        except OSError as error:
            raise UnreadableFile(self.name, error.strerror or str(error)) from error
        return wanted

    def write(self, begin: int, content: NDArray[Any] | memoryview) -> None:
        """Put bytes in one place.

        Raises:
            OSError: The disk refuses.
        """
        view = content if isinstance(content, memoryview) else content.data
        view = view.cast("B") if view.nbytes else memoryview(b"")
        while view:
            done = self._write_from(view, begin)
            begin += done
            view = view[done:]

    def _read_into(self, view: memoryview, begin: int) -> int:
        if _AT_PLACES:
            return os.preadv(self.file.fileno(), [view], begin)
        with self._lock:
            os.lseek(self.file.fileno(), begin, os.SEEK_SET)
            chunk = os.read(self.file.fileno(), len(view))
            view[: len(chunk)] = chunk
            return len(chunk)

    def _write_from(self, view: memoryview, begin: int) -> int:
        if _AT_PLACES:
            return os.pwrite(self.file.fileno(), view, begin)
        with self._lock:
            os.lseek(self.file.fileno(), begin, os.SEEK_SET)
            return os.write(self.file.fileno(), view)


def open_places(path: Path) -> Places:
    """Open a file for reading; close its `file` when done.

    Raises:
        UnreadableFile: It cannot be opened.
    """
    try:
        return Places(path.open("rb", buffering=0), str(path))
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
