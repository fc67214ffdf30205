"""The zip containers of torch files: their members, where those lie, whether all is whole.

Nothing is unpickled here. torch itself accepts a zip whose member is damaged, named twice, or
named differently in its two tables of contents; we do not.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from registry.errors import MalformedHeader, UnreadableFile

MAX_MEMBERS = 100_000
_LOCAL_HEADER_BYTES = 30
_MAX_NAME_BYTES = 1024
_CHUNK_BYTES = 1024 * 1024
_ENCRYPTED = 0x1
_SIZES_FOLLOW = 0x8
_NOT_SAID = 0xFFFFFFFF
_ORDERS = {b"little", b"big"}
# Packed contents: only to look for pickles in what is no sound torch file.
_MAX_PACKED_RATIO = 200


@dataclass(frozen=True, slots=True)
class Member:
    """One member that is stored as it is.

    Attributes:
        place: Its bytes in the file, as (begin, end).
        crc32: Their checksum, as the container says.
    """

    place: tuple[int, int]
    crc32: int


@dataclass(frozen=True, slots=True)
class TorchZip:
    """A sound container.

    Attributes:
        members: By name, as the container spells it.
        pickle: The one that describes the tensors.
        storages: The bytes of tensors, by the key that the pickle calls them.
        big_endian: Whether their numbers are.
        is_program: Whether it is TorchScript: a program with its weights.
    """

    members: Mapping[str, Member]
    pickle: Member
    storages: Mapping[str, Member]
    big_endian: bool
    is_program: bool


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
    return tuple(read_torch_zip(path).members)


def read_torch_zip(path: Path, *, check_sums: bool = True) -> TorchZip:
    """Find everything in a torch zip.

    Args:
        path: The file.
        check_sums: Whether every member is read and its checksum compared. Without it only the
            pickle is: for whoever reads the storages anyway and compares `crc32` on the way.

    Raises:
        MalformedHeader: It is no sound torch zip.
        UnreadableFile: It cannot be opened or read.
    """
    name = str(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            folder = _check_names(infos, name)
            members = _places(infos, file, name)
            if max(member.place[1] for member in members.values()) > archive.start_dir:
                end = archive.start_dir
                raise MalformedHeader(name, "a member reaches into the table of contents", end)
            _check_headers(infos, file, name)
            for info in infos:
                if check_sums or not info.filename.startswith(f"{folder}/data/"):
                    _check_sum(archive, info, name)
            order = f"{folder}/byteorder"
            said = archive.read(order) if order in members else b"little"
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        raise MalformedHeader(name, f"its zip container is damaged: {error}") from error
    except (ValueError, OverflowError) as error:  # impossible dates and offsets
        raise MalformedHeader(name, f"its zip container makes no sense: {error}") from error
    except OSError as error:
        raise UnreadableFile(name, error.strerror or str(error)) from error
    if said not in _ORDERS:
        raise MalformedHeader(name, f"it names no byte order: {said[:20]!a}")
    data = f"{folder}/data/"
    return TorchZip(
        members=members,
        pickle=members[f"{folder}/data.pkl"],
        storages={
            key.removeprefix(data): member
            for key, member in members.items()
            if key.startswith(data)
        },
        big_endian=said == b"big",
        is_program=any(
            key == f"{folder}/constants.pkl" or key.startswith(f"{folder}/code/") for key in members
        ),
    )


def pickles_in(path: Path, *, limit_bytes: int) -> Iterator[tuple[int | None, bytes]]:
    """Whatever a program could unpickle in a zip, sound or not: for a look, never for use.

    Yields the content of each member that is called ``….pkl``, at most `limit_bytes` of it, with
    the place where it begins in the file; None if it is packed there. Damage ends it quietly:
    who asks knows already that the container is damaged.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            for info in archive.infolist()[:MAX_MEMBERS]:
                if not info.filename.casefold().endswith((".pkl", ".pickle")):
                    continue
                yield from _content(info, file, limit_bytes)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, OSError):
        return


def _content(
    info: zipfile.ZipInfo, file: IO[bytes], limit_bytes: int
) -> Iterator[tuple[int | None, bytes]]:
    file.seek(max(info.header_offset, 0))
    local = file.read(_LOCAL_HEADER_BYTES)
    begin = max(info.header_offset, 0) + _header_bytes(local)
    file.seek(begin)
    packed = file.read(min(info.compress_size, limit_bytes))
    if info.compress_type == zipfile.ZIP_STORED:
        yield begin, packed
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        most = min(limit_bytes, len(packed) * _MAX_PACKED_RATIO)
        try:
            yield None, unpacker.decompress(packed, most)
        except zlib.error:
            return


def _check_names(infos: list[zipfile.ZipInfo], name: str) -> str:
    """Make sure that every name means one thing; the folder that holds them all."""
    if len(infos) > MAX_MEMBERS:
        raise MalformedHeader(name, f"it claims {len(infos):,} members")
    names = [info.filename for info in infos]
    # torch finds members without regard to case.
    if len({each.casefold() for each in names}) != len(names):
        raise MalformedHeader(name, "two of its members have one name")
    pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise MalformedHeader(name, f"it has {len(pickles)} data.pkl where a torch file has one")
    folder = pickles[0].removesuffix("/data.pkl")
    if not all(each.startswith(f"{folder}/") for each in names):
        raise MalformedHeader(name, "its members lie in more than one folder")
    for info in infos:
        if info.flag_bits & _ENCRYPTED:
            raise MalformedHeader(name, "it is encrypted", info.header_offset)
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise MalformedHeader(name, "a member is compressed", info.header_offset)
    return folder


def _places(infos: list[zipfile.ZipInfo], file: IO[bytes], name: str) -> dict[str, Member]:
    """Where each member lies; none overlaps another, and nothing stands before the first."""
    for info in infos:
        if info.header_offset < 0:
            raise MalformedHeader(name, f"{-info.header_offset} bytes are missing before a member")
    members: dict[str, Member] = {}
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise MalformedHeader(name, "two of its members overlap", info.header_offset)
        if not members and info.header_offset:
            because = f"{info.header_offset:,} bytes stand before its first member"
            raise MalformedHeader(name, because, 0)
        file.seek(info.header_offset)
        begin = info.header_offset + _header_bytes(file.read(_LOCAL_HEADER_BYTES))
        end = begin + info.file_size
        members[info.filename] = Member((begin, end), info.CRC)
    return {info.filename: members[info.filename] for info in infos}


def _header_bytes(local: bytes) -> int:
    lengths = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return _LOCAL_HEADER_BYTES + lengths


def _check_headers(infos: list[zipfile.ZipInfo], file: IO[bytes], name: str) -> None:
    """Make sure that what stands before each member is what the table of contents says."""
    for info in infos:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER_BYTES + _MAX_NAME_BYTES)
        agreed = first_member(local) == info.orig_filename and _facts_agree(local, info)
        if not agreed:
            because = "its two tables of contents do not agree"
            raise MalformedHeader(name, because, info.header_offset)


def _facts_agree(local: bytes, info: zipfile.ZipInfo) -> bool:
    flags, method = (int.from_bytes(local[at : at + 2], "little") for at in (6, 8))
    crc32, packed, size = (int.from_bytes(local[at : at + 4], "little") for at in (14, 18, 22))
    if method != info.compress_type or (flags ^ info.flag_bits) & (_ENCRYPTED | _SIZES_FOLLOW):
        return False
    # The three may follow behind the member, and large sizes stand elsewhere.
    if flags & _SIZES_FOLLOW and (crc32, packed, size) == (0, 0, 0):
        return True
    return (
        crc32 == info.CRC
        and packed in {info.compress_size, _NOT_SAID}
        and size in {info.file_size, _NOT_SAID}
    )


def _check_sum(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    with archive.open(info) as stream:
        # zipfile compares the checksum when it reaches the end.
        size_bytes = sum(len(chunk) for chunk in _chunks(stream))
    if size_bytes != info.file_size:
        because = f"the member {info.filename!a} is cut off"
        raise MalformedHeader(name, because, info.header_offset)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk
