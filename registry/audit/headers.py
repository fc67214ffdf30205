"""A safetensors file whose metadata somebody edited, seen with the header that it had before."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from registry.errors import FormatError
from registry.formats.readable import Readable, readable
from registry.formats.safetensors import LENGTH_BYTES, header_bytes, read_safetensors


@contextlib.contextmanager
def with_header_of_then(path: Path, header: bytes) -> Iterator[Readable | None]:
    """The tensors of a file behind another header; None if it is no whole safetensors file.

    Args:
        path: The file as it is now.
        header: What it began with, up to the tensors.

    Raises:
        OSError: It was there and cannot be read any more.
    """
    with contextlib.ExitStack() as stack:
        try:
            now = stack.enter_context(readable(path))
            read_safetensors(now)
            length = header_bytes(
                now.read(0, LENGTH_BYTES), size_bytes=now.size_bytes, name=now.name
            )
        except FormatError:
            yield None
            return
        moved_by = LENGTH_BYTES + length - len(header)

        def read(begin: int, end: int) -> bytes:
            first = header[begin:end]
            behind = max(begin, len(header))
            return first + now.read(behind + moved_by, max(end, behind) + moved_by)

        yield Readable(now.name, now.size_bytes - moved_by, read)
