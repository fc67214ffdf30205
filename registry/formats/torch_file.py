"""The containers of torch files: which members they have, and whether those are whole.

Nothing is unpickled here. torch itself accepts a zip whose member is damaged, named twice, or
named differently in its two tables of contents; we do not.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from registry.errors import MalformedHeader, UnreadableFile

MAX_MEMBERS = 100_000
_LOCAL_HEADER_BYTES = 30
_MAX_NAME_BYTES = 1024
_CHUNK_BYTES = 1024 * 1024
_ENCRYPTED = 0x1


def first_member(head: bytes) -> str | None:
    """Name of the member that stands first in a zip that begins with these bytes."""
    if len(head) < _LOCAL_HEADER_BYTES or not head.startswith(b"PK\x03\x04"):
        return None
    length = int.from_bytes(head[26:28], "little")
    name = head[_LOCAL_HEADER_BYTES : _LOCAL_HEADER_BYTES + length]
    return name.decode("utf-8", errors="replace") if 0 < length <= _MAX_NAME_BYTES else None


def check_torch_zip(path: Path) -> tuple[str, ...]:
    """Make sure that a torch zip is whole: its table of contents and every member's checksum.

    Returns:
        Names of its members.

    Raises:
        MalformedHeader: It is no sound torch zip.
        UnreadableFile: It cannot be opened or read.
    """
    name = str(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_names(members, name)
            end = _check_places(members, file, name)
            if end > archive.start_dir:
                raise MalformedHeader(name, "a member reaches into the table of contents", end)
            for member in members:
                _check_sum(archive, member, name)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        raise MalformedHeader(name, f"its zip container is damaged: {error}") from error
    except (ValueError, OverflowError) as error:  # impossible dates and offsets
        raise MalformedHeader(name, f"its zip container makes no sense: {error}") from error
    except OSError as error:
        raise UnreadableFile(name, error.strerror or str(error)) from error
    return tuple(member.filename for member in members)


def _check_names(members: list[zipfile.ZipInfo], name: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise MalformedHeader(name, f"it claims {len(members):,} members")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise MalformedHeader(name, "two of its members have one name")
    pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise MalformedHeader(name, f"it has {len(pickles)} data.pkl where a torch file has one")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise MalformedHeader(name, "it is encrypted", member.header_offset)
        if member.compress_type != zipfile.ZIP_STORED:
            raise MalformedHeader(name, "a member is compressed", member.header_offset)


def _check_places(members: list[zipfile.ZipInfo], file: IO[bytes], name: str) -> int:
    """Make sure that members do not overlap and both tables agree; where the last one ends."""
    end = 0
    for member in members:
        if member.header_offset < 0:
            raise MalformedHeader(
                name, f"{-member.header_offset} bytes are missing before a member"
            )
    for member in sorted(members, key=lambda each: each.header_offset):
        if member.header_offset < end:
            raise MalformedHeader(name, "two of its members overlap", member.header_offset)
        file.seek(member.header_offset)
        local = file.read(_LOCAL_HEADER_BYTES + _MAX_NAME_BYTES)
        if first_member(local) != member.orig_filename:
            because = "its two tables of contents do not agree"
            raise MalformedHeader(name, because, member.header_offset)
        lengths = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        end = member.header_offset + _LOCAL_HEADER_BYTES + lengths + member.file_size
    return end


def _check_sum(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    with archive.open(member) as stream:
        # zipfile compares the checksum when it reaches the end.
        size_bytes = sum(len(chunk) for chunk in _chunks(stream))
    if size_bytes != member.file_size:
        because = f"the member {member.filename!a} is cut off"
        raise MalformedHeader(name, because, member.header_offset)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk
