"""Which revision of the seed a file is, without reading it whole."""

import re
from pathlib import Path

_REVISION = re.compile(rb'"revision"\s*:\s*(\d{1,15})\b')
_HEAD_BYTES = 512


def peek_revision(path: Path) -> int | None:
    """The revision that the first lines of a catalog file name; None if they name none.

    Asked at every start, so it does not read the whole file; `load_seed` checks it.
    """
    try:
        with path.open("rb") as stream:
            found = _REVISION.search(stream.read(_HEAD_BYTES))
    except OSError:
        return None
    return int(found[1]) if found else None
