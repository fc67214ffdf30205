"""Are the bytes in a torch zip those that were put in? Its own checksums tell.

torch does not look at them, and neither does its reader here: the storages that a conversion takes
are checked when it takes them.
"""

import zlib

from registry.convert.output import each
from registry.convert.places import Places
from registry.convert.torch_source import storage_checksums
from registry.convert.weight_file import WeightFile
from registry.domain.variant import FileFormat
from registry.errors import MalformedHeader

_CHUNK_BYTES = 1024 * 1024


def check_sums(file: WeightFile, places: Places, storages: set[tuple[int, int]]) -> None:
    """Compare the storages of a torch zip with their checksums; other files have none.

    Args:
        file: Where they come from.
        places: The same file, opened.
        storages: Those that are going to be used.

    Raises:
        MalformedHeader: One is damaged.
        UnreadableFile: The file cannot be read.
    """
    if file.format is not FileFormat.PICKLE:
        return
    known = storage_checksums(file.path)
    tasks = [(place, known[place]) for place in sorted(storages & known.keys())]

    def check(place: tuple[int, int], expected: int) -> None:
        begin, end = place
        found = 0
        for at in range(begin, end, _CHUNK_BYTES):
            found = zlib.crc32(places.read(at, min(_CHUNK_BYTES, end - at)).data, found)
        if found != expected:
            raise MalformedHeader(file.path.name, "a storage has another checksum", begin)

    each(check, tasks)
