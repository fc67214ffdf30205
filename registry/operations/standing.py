"""How the stored files stand: when each was last found right, and what is known to be bad."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from registry.audit.schedule import decide
from registry.domain.audit import AuditRun, Finding
from registry.domain.install import Install
from registry.operations.rooms import Rooms
from registry.operations.scheduled import plain


@dataclass(frozen=True, slots=True)
class FileStanding:
    """One stored file.

    Attributes:
        install: The first that refers to it.
        verified_at: When it was last found right; None if never since it was stored.
        checked_at: When it was last looked at, whatever was found.
        findings: What is known to be bad about it and its names.
    """

    install: Install
    verified_at: datetime | None
    checked_at: datetime | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """All of them.

    Attributes:
        at: Now.
        files: Bad ones first, then by the age of their check.
        last: The last audit, if there was one.
        next_at: When the schedule has the next one; None without a schedule.
    """

    at: datetime
    files: tuple[FileStanding, ...]
    last: AuditRun | None
    next_at: datetime | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is known to be bad."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def never_verified(self) -> int:
        """How many files were not found right since they were stored."""
        return sum(file.verified_at is None for file in self.files)

    @property
    def oldest_at(self) -> datetime | None:
        """When the file was found right for which that is longest ago."""
        return min((f.verified_at for f in self.files if f.verified_at is not None), default=None)


def standing(rooms: Rooms) -> Standing:
    """How things stand, from the records alone: nothing is read from the files."""
    records = rooms.catalog.audits
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in records.latest_findings():
        found[finding.sha256].append(finding)
    checked_at = records.checked_at()
    verified_at = rooms.catalog.installs.verified_at()
    first: dict[str, Install] = {}
    for install in rooms.catalog.installs.all():
        first.setdefault(install.sha256, install)
    files = [
        FileStanding(install, verified_at.get(sha256), checked_at.get(sha256), tuple(found[sha256]))
        for sha256, install in first.items()
    ]
    files.sort(key=lambda file: (not file.findings, _age(file), file.install.file_name))
    return Standing(
        rooms.clock(), tuple(files), next(iter(records.runs(limit=1)), None), _next_at(rooms)
    )


def _age(file: FileStanding) -> str:
    return file.verified_at.isoformat() if file.verified_at is not None else ""


def _next_at(rooms: Rooms) -> datetime | None:
    kept = rooms.catalog.schedules.get()
    if kept is None:
        return None
    return decide(
        plain(kept),
        now=rooms.clock(),
        zone=None,
        made_at=kept.made_at,
        last_began=kept.last_began,
    ).next_at
