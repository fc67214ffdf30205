"""Audits as JSON documents and as lines; one shape for `audit`, `verify` and `repair`."""

from typing import TYPE_CHECKING

from registry.cli import render
from registry.cli.describe import dispute_document, proof_words
from registry.cli.words import size
from registry.domain.audit import AuditRun, Finding

if TYPE_CHECKING:
    from registry.api import Registry
    from registry.operations.audit import AuditReport

_SHORT_MINUTE_S = 90
_SHORT_HOUR_S = 5400


def finding_document(finding: Finding) -> dict[str, object]:
    """One finding."""
    return {
        "path": str(finding.path),
        "sha256": finding.sha256,
        "kind": finding.kind,
        "pieces": list(finding.pieces),
        "message": finding.message,
    }


def report_document(report: "AuditReport", registry: "Registry") -> dict[str, object]:
    """`sdreg.audit/1`, for whoever ran the audit."""
    findings = [
        {"reference": item.owner_of(finding).reference, **finding_document(finding)}
        for item in report.checked
        for finding in item.findings
        if finding.is_bad
    ]
    disputed = [
        {"reference": install.reference, **dispute_document(dispute)}
        for item in report.checked
        for install in item.installs
        for dispute in registry.disputes_accepted(install)
    ]
    return {
        "checked": len(report.checked),
        "bytes": report.read_bytes,
        "seconds": round(report.run.seconds, 3),
        "findings": findings,
        "remaining": report.run.remaining,
        "disputed": disputed,
    }


def write_report(report: "AuditReport", registry: "Registry", *, every_file: bool) -> None:
    """The same for people: what is wrong, and on wish what is well too."""
    for item in report.checked:
        disputes = registry.disputes_accepted(item.install)
        if item.is_well and (every_file or disputes):
            doubt = f" ({proof_words(item.install, disputes)})" if disputes else ""
            render.write(f"{'ok':<12} {item.install.file_name}{doubt}")
        for finding in item.findings:
            if finding.is_bad:
                name = item.owner_of(finding).file_name
                render.write(f"{finding.kind:<12} {name}: {finding.message}")
                render.write(f"{'':<12} {finding.path}")
    run = report.run
    left = f", {run.remaining} left for the next time" if run.remaining else ""
    found = f"{run.found} found" if run.found else "nothing wrong"
    files = "1 file" if run.checked == 1 else f"{run.checked} files"
    render.write(f"{files}, {size(run.read_bytes)} read in {span(run.seconds)}, {found}{left}")
    if run.found:
        render.write("`sdreg repair` mends what can be mended; --dry-run shows how")


def run_document(run: AuditRun) -> dict[str, object]:
    """One run of the past."""
    return {
        "began_at": run.began_at.isoformat(),
        "scope": run.scope or None,
        "trigger": run.trigger,
        "deep": run.deep,
        "checked": run.checked,
        "bytes": run.read_bytes,
        "found": run.found,
        "remaining": run.remaining,
        "seconds": round(run.seconds, 3),
        "ending": run.ending,
    }


def span(seconds: float) -> str:
    """A length of time for people.

    Example:
        >>> span(0.42), span(75), span(600), span(9000)
        ('0.4 s', '75 s', '10 min', '2.5 h')
    """
    if seconds < 10:  # noqa: PLR2004 -- one figure behind the point below it
        return f"{seconds:.1f} s"
    if seconds < _SHORT_MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _SHORT_HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
