"""`sdreg audit`: a schedule, and the run that is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.shell import documented, names_in


@pytest.fixture
def clock(monkeypatch):
    """A clock to be set: `clock(days=1)` lets time pass."""
    moment = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    for module in ("registry.api", "registry.cli.audit_command"):
        monkeypatch.setattr(f"{module}.now", lambda: moment[0])

    def on(**by):
        moment[0] += timedelta(**by)

    return on


def test_a_schedule_is_kept_shown_and_switched_off(sdreg):
    words = ("--every", "30d", "--at", "03:00", "--time-limit", "2h", "--on-finding", "repair")
    told = sdreg.json("audit", "schedule", *words, schema="sdreg.audit-schedule/1")

    assert names_in(told) <= documented("sdreg.audit-schedule/1")
    assert sdreg("audit", "schedule").out == "every 30d at 03:00, for 2h at most; then repair\n"
    assert sdreg("audit", "schedule", "--off").out == "no audit is scheduled\n"
    assert sdreg("audit", "scheduled").out == "no audit is scheduled\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--every", "12h"),
        ("--every", "often"),
        ("--every", "1d", "--at", "25:00"),
        ("--every", "1d", "--time-limit", "long"),
        ("--every", "1d", "--on-finding", "panic"),
    ],
)
def test_what_is_no_schedule_is_refused(sdreg, words):
    sdreg.error("audit", "schedule", *words, expect=2)
    assert sdreg("audit", "schedule").out == "no audit is scheduled\n"


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
