"""The inert reader: a torch file's pickles -> its tensors as places in the file, and a verdict.

It knows the two shapes in which torch writes pickles (torch/serialization.py): one `data.pkl` in a
zip, whose container somebody else opens and describes, and the five pickles in a row of the legacy
format. A file of plain pickles is looked at, but holds no tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO

from registry.domain.tensors import StoredTree
from registry.pickles.machine import Machine
from registry.pickles.opcodes import BrokenPickle, Tape
from registry.pickles.policy import (
    ELEMENT_BYTES,
    MAX_COUNT,
    STORAGES,
    Code,
    Findings,
    Verdict,
)
from registry.pickles.values import UNKNOWN, Name, Refused, Storage, Unknown
from registry.pickles.walk import tree_of

MAX_PICKLE_BYTES = 64 * 1024 * 1024
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT_BYTES = 8
_MAX_PICKLES = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at a file found.

    Attributes:
        tree: What it holds; None unless the verdict is clean, and for a pickle that is no torch
            file.
    """

    verdict: Verdict
    tree: StoredTree | None = None


def read_member(
    file: IO[bytes],
    place: tuple[int, int],
    storages: Mapping[str, tuple[int, int]],
    *,
    source_bytes: int,
) -> Reading:
    """Read the `data.pkl` of a torch zip. Never raises for what is in it.

    Args:
        file: Opened for reading.
        place: Where the pickle lies in it, as (begin, end).
        storages: Where the bytes of each storage lie, by the key that the pickle calls it.
        source_bytes: Length of the file.
    """
    findings = Findings()
    begin, end = place
    if end - begin > MAX_PICKLE_BYTES:
        findings.add(Code.OVER_LIMIT, f"a pickle of {end - begin:,} bytes", begin)
        return Reading(findings.verdict)
    shelf = _Shelf()
    tape = Tape(file, begin, end)
    tree = None
    with _Ear(findings, cut_off=Code.MALFORMED_PICKLE):
        value = Machine(findings, shelf.by_id).run(tape)
        if tape.at_byte != end:
            findings.add(Code.TRAILING_BYTES, f"{end - tape.at_byte:,} bytes", tape.at_byte)
        if not findings.reasons:
            tree = tree_of(value, storages, source_bytes=source_bytes)
    return Reading(findings.verdict, tree)


def read_stream(file: IO[bytes], *, size_bytes: int) -> Reading:
    """Read a file that begins with a pickle: the legacy format of torch, or any other.

    Never raises for what is in it. Of the storages only the lengths are read.
    """
    findings = Findings()
    tape = Tape(file, 0, size_bytes)
    tree = None
    with _Ear(findings, cut_off=Code.CUT_OFF):
        shelf = _Shelf()
        machine = Machine(findings, shelf.by_id)
        if machine.run(tape) == _LEGACY_MAGIC:
            tree = _legacy(file, tape, machine, shelf, findings)
        else:
            _others(tape, machine)
    return Reading(findings.verdict, None if findings.reasons else tree)


def read_bytes(content: bytes, *, begin: int = 0) -> Verdict:
    """Judge a pickle that lies where no tensors can be found: in a damaged or packed container.

    Args:
        content: The pickle.
        begin: Where it begins in the file, for the offsets of the reasons.
    """
    findings = Findings()
    with _Ear(findings, cut_off=Code.CUT_OFF):
        Machine(findings, _Shelf().by_id).run(Tape(BytesIO(content), 0, len(content)))
    return Verdict(
        tuple(
            reason if reason.offset is None else replace(reason, offset=reason.offset + begin)
            for reason in findings.reasons
        )
    )


class _Ear:
    """Turns what stops a reading into a finding."""

    def __init__(self, findings: Findings, *, cut_off: Code) -> None:
        self._findings = findings
        self._cut_off = cut_off

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Refused):
            self._findings.add(error.code, error.name, None)
        elif isinstance(error, BrokenPickle):
            # What was refused before may well be why the rest makes no sense.
            if not self._findings.reasons or error.over_limit:
                self._findings.add(self._code(error), error.because, error.at_byte)
        else:
            return False
        return True

    def _code(self, error: BrokenPickle) -> Code:
        if error.over_limit:
            return Code.OVER_LIMIT
        return self._cut_off if error.cut_off else Code.MALFORMED_PICKLE


# ── the legacy format ─────────────────────────────────────────────────────────────────────────────


def _legacy(
    file: IO[bytes], tape: Tape, machine: Machine, shelf: "_Shelf", findings: Findings
) -> StoredTree | None:
    protocol = machine.run(tape)
    if protocol != _LEGACY_PROTOCOL:
        raise BrokenPickle("it is of another version of torch's legacy format", tape.at_byte)
    system = machine.run(tape)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused(Code.BIG_ENDIAN)
    value = machine.run(tape)
    keys = machine.run(tape)
    if findings.reasons:
        return None
    ranges = _lengths(file, tape, shelf, keys)
    return tree_of(value, ranges, source_bytes=tape.end)


def _lengths(
    file: IO[bytes], tape: Tape, shelf: "_Shelf", keys: object
) -> dict[str, tuple[int, int]]:
    """Where each storage lies: they stand one behind the other, each behind its length."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BrokenPickle("its list of storages is none", tape.at_byte)
    if sorted(keys) != sorted(shelf.roots):
        raise Refused(Code.WRONG_STORAGE, "its list of storages is not that of its tensors")
    at = tape.at_byte
    ranges: dict[str, tuple[int, int]] = {}
    for key in keys:
        file.seek(at)
        length = file.read(_COUNT_BYTES)
        root = shelf.roots[key]
        begin, size_bytes = at + _COUNT_BYTES, root.count * ELEMENT_BYTES[root.dtype]
        if len(length) < _COUNT_BYTES or begin + size_bytes > tape.end:
            raise BrokenPickle("it is cut off", at, cut_off=True)
        if int.from_bytes(length, "little", signed=True) != root.count:
            raise Refused(Code.WRONG_STORAGE, f"storage {key[:200]} has another length")
        at = begin + size_bytes
        ranges[key] = (begin, at)
    if at != tape.end:
        raise Refused(Code.TRAILING_BYTES, f"{tape.end - at:,} bytes")
    return ranges


def _others(tape: Tape, machine: Machine) -> None:
    """Whatever other pickles follow the first: each is one that somebody may load."""
    for _ in range(_MAX_PICKLES):
        if tape.at_byte == tape.end:
            return
        machine.run(tape)
    raise BrokenPickle(f"more than {_MAX_PICKLES:,} pickles", tape.at_byte, over_limit=True)


# ── storages ──────────────────────────────────────────────────────────────────────────────────────


class _Shelf:
    """The storages that a pickle speaks of, by their keys."""

    def __init__(self) -> None:
        self.roots: dict[str, Storage] = {}
        self._views: dict[tuple[str, object], Storage] = {}

    def by_id(self, what: object) -> Storage | Unknown:
        """The storage that a persistent id means: torch writes no other.

        It is ``("storage", class, key, device, count)``, in the legacy format with
        ``(key of the view, first element, count)`` behind, or None.

        Raises:
            Refused: It means something else, or the same storage in two ways.
        """
        match what:
            case ("storage", Name(kind), str() as key, str(), int() as count, *rest):
                pass
            case ("storage", Unknown(), *_):
                return UNKNOWN
            case ("module", *_):
                raise Refused(Code.WHOLE_MODULE, "its source code")
            case _:
                raise Refused(Code.MALFORMED_PICKLE, "it refers to something that is no storage")
        if kind not in STORAGES or not 0 <= count <= MAX_COUNT or isinstance(count, bool):
            raise Refused(Code.WRONG_STORAGE, f"storage {key[:200]} is of {kind}")
        root = self.roots.setdefault(key, Storage(key, STORAGES[kind], count))
        if root != Storage(key, STORAGES[kind], count):
            raise Refused(Code.WRONG_STORAGE, f"storage {key[:200]} is described in two ways")
        match rest:
            case [] | [None]:
                return root
            case [(view, int() as begin, int() as length)] if isinstance(view, str):
                return self._view(root, view, begin, length)
        raise Refused(Code.MALFORMED_PICKLE, "it refers to something that is no storage")

    def _view(self, root: Storage, name: str, begin: int, count: int) -> Storage:
        if begin < 0 or count < 0 or begin + count > root.count:
            raise Refused(Code.OUTSIDE_STORAGE, f"a view of storage {root.key[:200]}")
        view = Storage(root.key, root.dtype, count, begin)
        if self._views.setdefault((root.key, name), view) != view:
            raise Refused(Code.WRONG_STORAGE, f"a view of {root.key[:200]} in two ways")
        return view
