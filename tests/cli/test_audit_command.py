"""`sdreg audit scheduled`: the run that is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.shell import documented, names_in


@pytest.fixture
def clock(monkeypatch):
    """A clock to be set: `clock(days=1)` lets time pass."""
    moment = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    for module in ("registry.api", "registry.cli.audit_schedule"):
        monkeypatch.setattr(f"{module}.now", lambda: moment[0])

    def on(**by):
        moment[0] += timedelta(**by)

    return on


def test_what_is_due_runs_once_and_is_repaired(sdreg, installed, clock):
    sdreg("audit", "schedule", "--every", "30d", "--on-finding", "repair")
    path = Path(installed["path"])
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:-1] + b"?")

    early = sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")
    clock(days=1)
    run = sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")
    again = sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")

    assert (early["due"], early["checked"]) == (False, 0)
    assert (run["due"], run["checked"], run["found"] > 0, run["not_repaired"]) == (True, 1, True, 0)
    assert again["due"] is False
    assert names_in(run) <= documented("sdreg.audit-scheduled/1")
    assert path.read_bytes() == good
    clock(days=30)
    late = sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")
    assert (late["due"], late["found"]) == (True, 0)
