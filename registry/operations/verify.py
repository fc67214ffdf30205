"""Check that what was installed is still there, byte for byte, and still linked."""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.audit.check import check_file
from registry.domain.audit import Finding, FindingKind
from registry.domain.install import Install, LinkMethod
from registry.domain.progress import Progress
from registry.operations.rooms import Rooms
from registry.store import links

# These lead to bytes of their own; the others lead to the very bytes of the store.
_OWN_BYTES = frozenset({LinkMethod.REFLINK, LinkMethod.COPY})


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that was found about one install; only `OK` if all is well."""

    install: Install
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not any(finding.is_bad for finding in self.findings)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification read and found."""

    checked: tuple[Checked, ...]
    read_bytes: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every bad finding."""
        return tuple(
            finding for item in self.checked for finding in item.findings if finding.is_bad
        )


def verify(
    installs: Iterable[Install], rooms: Rooms, progress: Progress, *, deep: bool = False
) -> VerifyReport:
    """Check installs one after the other and record what is found.

    Reads every byte of them from the disk; changes nothing but the records.
    """
    run = rooms.catalog.audits.begin(at=rooms.clock())
    tally = _Tally(progress)
    checked: list[Checked] = []
    for install in installs:
        item = Checked(install, tuple(_check(install, rooms, tally, deep=deep)))
        rooms.catalog.audits.record(run, item.findings, at=rooms.clock())
        checked.append(item)
    rooms.catalog.audits.finish(run, at=rooms.clock())
    return VerifyReport(tuple(checked), tally.read_bytes)


class _Tally(Progress):
    """Passes everything on, and counts the bytes that were really read."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self.read_bytes = 0

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        self._listener.begin(what, total_bytes, done_bytes)

    def advance(self, bytes_count: int) -> None:
        self.read_bytes += bytes_count
        self._listener.advance(bytes_count)

    def end(self) -> None:
        self._listener.end()

    def say(self, message: str) -> None:
        self._listener.say(message)


def _check(install: Install, rooms: Rooms, progress: Progress, *, deep: bool) -> Iterable[Finding]:
    blob_path = rooms.store.path_of(install.sha256)
    pieces = rooms.store.pieces(install.sha256)
    progress.begin(install.file_name, install.size_bytes)
    yield check_file(blob_path, install.sha256, pieces, progress, deep=deep)
    progress.end()
    for link in install.links:
        kind = links.check(link, blob_path)
        if kind is not FindingKind.OK:
            yield Finding(kind, install.sha256, link.path, _LINK_WORDS.get(kind, "is not right"))
        elif link.method in _OWN_BYTES:
            progress.begin(str(link.path.name), install.size_bytes)
            found = check_file(link.path, install.sha256, pieces, progress, deep=deep)
            progress.end()
            if found.is_bad:
                yield found


_LINK_WORDS = {
    FindingKind.MISSING: "the link is gone",
    FindingKind.BROKEN_LINK: "the link leads nowhere",
    FindingKind.FOREIGN: "something else lies where our link was",
    FindingKind.UNAVAILABLE: "the folder it lay in is gone: is a drive unplugged?",
}
