"""Torch files as a source of tensors: container and pickle put together, nothing in it obeyed.

The one place where `formats`, which knows containers, and `pickles`, which knows what stands in
them, meet. Scanning and converting both come here.
"""

from pathlib import Path

from registry.domain.tensors import StoredTree
from registry.domain.variant import FileFormat
from registry.errors import MalformedHeader, NotAModelFile, PickleRefused, UnreadableFile
from registry.formats.sniff import sniff_file
from registry.formats.torch_file import TorchZip, pickles_in, read_torch_zip
from registry.pickles.policy import Code, Reason, Verdict
from registry.pickles.reader import MAX_PICKLE_BYTES, Reading, read_bytes, read_member, read_stream

_ZIP = b"PK\x03\x04"
_TAR_AT, _TAR = 257, b"ustar"
# What only a pickle with a program in it brings forth, not a text that happens to begin like one.
_TELLING = frozenset({Code.FORBIDDEN_NAME, Code.FORBIDDEN_CALL, Code.WHOLE_MODULE})


def open_torch(path: Path, *, check_sums: bool = True) -> StoredTree:
    """Find the tensors of a torch file: zip or legacy, by its content and not by its name.

    Args:
        path: The file.
        check_sums: Whether every byte of a zip is read and its checksums compared. Whoever reads
            the storages anyway may say False and compare `storage_checksums` on the way.

    Raises:
        PickleRefused: It holds something that the policy does not allow, or that no safetensors
            file can hold.
        MalformedHeader: It is damaged or cut off.
        NotAModelFile: It is no torch file.
        UnreadableFile: It cannot be opened or read.
    """
    reading = look_into(path, check_sums=check_sums)
    if reading.tree is not None:
        return reading.tree
    name, verdict = str(path), reading.verdict
    if not verdict.reasons:
        raise NotAModelFile(name, "a pickle of plain values")
    # The worst one: damage explains nothing where something is forbidden as well.
    reason = next((each for each in verdict.reasons if Verdict((each,)).word == "refused"), None)
    if reason is not None:
        raise PickleRefused(name, reason.sentence, reason.name, reason.offset)
    reason = verdict.reasons[0]
    if reason.code is Code.NOT_A_MODEL:
        sniffed = sniff_file(path)
        if sniffed.may_be_model:
            raise MalformedHeader(name, f"it is {sniffed.what}, not a torch file")
        raise NotAModelFile(name, sniffed.what)
    raise MalformedHeader(name, reason.name or "it is cut off", reason.offset)


def storage_checksums(path: Path) -> dict[tuple[int, int], int]:
    """CRC-32 of the storages of a torch zip, by their place; of the legacy format there are none.

    Raises:
        MalformedHeader: It is no sound torch zip.
        UnreadableFile: It cannot be opened or read.
    """
    if _head(path)[: len(_ZIP)] != _ZIP:
        return {}
    found = read_torch_zip(path, check_sums=False)
    return {member.place: member.crc32 for member in found.storages.values()}


def look_into(path: Path, *, check_sums: bool = True) -> Reading:
    """Judge a file as one that somebody may give to torch, whatever it is called.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    head = _head(path)
    if head.startswith(_ZIP):
        return _zip(path, check_sums=check_sums)
    if head[_TAR_AT:].startswith(_TAR):
        return Reading(Verdict((Reason(0, Code.TAR_ARCHIVE),)))
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            reading = read_stream(file, size_bytes=size_bytes)
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
    sniffed = sniff_file(path)
    if reading.tree is not None or sniffed.format is FileFormat.PICKLE:
        return reading
    telling = tuple(reason for reason in reading.verdict.reasons if _tells(reason))
    if telling:
        return Reading(Verdict(telling))
    return Reading(Verdict((Reason(None, Code.NOT_A_MODEL, sniffed.what),)))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_TAR_AT + len(_TAR))
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error


def _tells(reason: Reason) -> bool:
    parts = (reason.name or "").split(".")
    return reason.code in _TELLING and all(part.isidentifier() for part in parts)


# ── zip ───────────────────────────────────────────────────────────────────────────────────────────


def _zip(path: Path, *, check_sums: bool) -> Reading:
    try:
        found = read_torch_zip(path, check_sums=check_sums)
    except MalformedHeader as error:
        return Reading(_damaged(path, error))
    reasons = []
    if found.is_program:
        reasons.append(Reason(None, Code.TORCHSCRIPT))
    if found.big_endian:
        reasons.append(Reason(None, Code.BIG_ENDIAN))
    if reasons:
        return Reading(Verdict(tuple(reasons)))
    return _sound(path, found)


def _sound(path: Path, found: TorchZip) -> Reading:
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            reading = read_member(
                file,
                found.pickle.place,
                {key: member.place for key, member in found.storages.items()},
                source_bytes=size_bytes,
            )
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
    others = [name for name in found.members if name.casefold().endswith((".pkl", ".pickle"))]
    if len(others) > 1:
        reasons = (*reading.verdict.reasons, *_telling_of(path))
        return Reading(Verdict(tuple(dict.fromkeys(reasons))), None if reasons else reading.tree)
    return reading


def _damaged(path: Path, error: MalformedHeader) -> Verdict:
    """What speaks against a zip that is not sound: also what torch would find in it."""
    reasons = _telling_of(path)
    sniffed = sniff_file(path)
    if sniffed.format is FileFormat.PICKLE:
        damage = Reason(error.offset, Code.DAMAGED, error.because)
    else:
        damage = Reason(None, Code.NOT_A_MODEL, sniffed.what)
    return Verdict((*reasons, damage))


def _telling_of(path: Path) -> tuple[Reason, ...]:
    found = []
    for begin, content in pickles_in(path, limit_bytes=MAX_PICKLE_BYTES):
        verdict = read_bytes(content, begin=begin or 0)
        found += [reason for reason in verdict.reasons if _tells(reason)]
    return tuple(found)
