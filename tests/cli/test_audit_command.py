"""`sdreg audit scheduled`: the run that is due."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.api import Registry
from registry.cli.audit_page import page
from registry.domain.audit import AuditRun, Finding, FindingKind
from registry.domain.install import Install
from registry.operations.audit import alone
from registry.operations.standing import FileStanding, Standing
from tests.cli.shell import damage, documented, names_in


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


def test_more_history_than_can_be_counted_is_refused(sdreg):
    sdreg("audit", "history", "--limit", "9" * 20, expect=2)


# ── run, status, history, report ──────────────────────────────────────────────────────────────────


def test_a_run_finds_what_verify_finds_and_is_remembered(sdreg, installed):
    assert sdreg("audit", "run").out.startswith("1 file, ")
    damage(Path(installed["path"]))

    told = sdreg.json("audit", "run", schema="sdreg.audit/1", expect=1)
    status = sdreg.json("audit", "status", schema="sdreg.audit-status/1", expect=1)
    history = sdreg.json("audit", "history", schema="sdreg.audit-history/1")
    of_one = sdreg.json("audit", "history", "civitai-901", schema="sdreg.audit-history/1")

    assert names_in(told) <= documented("sdreg.audit/1")
    assert names_in(status) <= documented("sdreg.audit-status/1") | documented("sdreg.audit/1")
    assert names_in([history, of_one]) <= documented("sdreg.audit-history/1") | documented(
        "sdreg.audit/1"
    )
    (finding,) = told["findings"]
    assert (finding["kind"], finding["pieces"]) == ("rot", [0])
    assert status["findings"] == [finding]
    assert [(run["found"], run["ending"]) for run in history["runs"]] == [
        (1, "complete"),
        (0, "complete"),
    ]
    assert [past["kind"] for past in of_one["findings"]] == ["rot", "ok"]


def test_what_was_mended_is_not_bad_any_more(sdreg, installed):
    damage(Path(installed["path"]))
    sdreg("audit", "run", expect=1)
    plan = sdreg("repair", "--dry-run").out
    planned = sdreg.json("repair", "--dry-run", schema="sdreg.repair/1")

    sdreg("repair")

    assert "rot          noise.safetensors: makes it again" in plan
    assert names_in(planned) <= documented("sdreg.repair/1") | documented("sdreg.audit/1")
    status = sdreg("audit", "status").out
    assert re.search("known bad +nothing", status)
    assert "not yet found right" not in status
    assert "rot" in sdreg("audit", "history", "civitai-901").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--time-limit", "soon"), "--time-limit soon cannot be read"),
        (("--max-bytes", "much"), "--max-bytes much cannot be read"),
        (("--max-bytes", "0G"), "--max-bytes 0G is nothing at all"),
        (("--subset", "5/3"), "--subset 5/3 cannot be read"),
        (("--rate", "-1"), "--rate -1 cannot be read"),
        (("civitai-901", "--all"), "--all makes no sense beside names"),
        (("civitai-901", "--due"), "--due makes no sense beside names"),
        (("nothing-of-this-name",), "nothing called 'nothing-of-this-name' is installed"),
    ],
)
def test_bad_wishes_are_refused_in_a_sentence(sdreg, installed, words, says):
    sentence, hint = sdreg.error("audit", "run", *words, expect=2)

    assert sentence.startswith(says)
    assert hint


def test_every_option_of_a_run_is_taken(sdreg, installed):
    words = ("--time-limit", "1h", "--max-bytes", "5G", "--subset", "1/1", "--rate", "900M")
    assert sdreg.json("audit", "run", *words, schema="sdreg.audit/1")["checked"] == 1
    assert sdreg.json("audit", "run", "--all", schema="sdreg.audit/1")["checked"] == 1
    assert sdreg.json("audit", "run", "--due", schema="sdreg.audit/1")["checked"] == 0
    assert sdreg.json("audit", "run", "--yield-to-gpu", schema="sdreg.audit/1")["checked"] == 1


def test_without_any_audit_that_is_said(sdreg, installed):
    assert sdreg("audit", "history").out == "no audit was run yet\n"
    assert sdreg("audit", "history", "civitai-901").out == "it was not checked yet\n"
    assert "not yet found right  1" in sdreg("audit", "status").out


def test_a_report_is_a_table_or_a_page_that_holds_all_it_needs(sdreg, installed, tmp_path):
    sdreg("audit", "run")
    page = tmp_path / "report.html"

    assert "noise.safetensors" in sdreg("audit", "report").out
    told = sdreg.json("audit", "report", "--output", page, schema="sdreg.audit-report/1")
    again = sdreg.error("audit", "report", "--output", page, expect=2)

    assert names_in(told) <= documented("sdreg.audit-report/1") | documented("sdreg.audit/1")
    assert told["output"] == str(page)
    text = page.read_text("utf-8")
    assert "noise.safetensors" in text
    assert "Nothing is known to be wrong." in text
    assert not re.search(r"(src|href)=|<script|@import|url\(", text)
    assert again[0].startswith(f"{page} exists already")


def test_what_strangers_wrote_is_text_in_the_page():
    install = Install(
        reference="x",
        slug=None,
        model_type="lora",
        file_name='<script>alert("1")</script>\x1b[2J.safetensors',
        file_id=None,
        sha256="ab" * 32,
        size_bytes=5,
        source="here",
        proven=True,
        installed_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    finding = Finding(FindingKind.MOVED, "ab" * 32, Path("/x"), "it lies at </td><b> now")
    file = FileStanding(install, None, None, (finding,))

    html = page(Standing(datetime(2026, 3, 1, tzinfo=UTC), (file,), None, None), ())

    assert "<script" not in html
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in html


def test_two_audits_at_once_are_one(sdreg, installed):
    # In another thread: the lock lets the same one in again.
    with alone(Registry.open().rooms), ThreadPoolExecutor(1) as other:
        said = other.submit(sdreg, "audit", "run", expect=6).result()
        scheduled = other.submit(sdreg, "audit", "scheduled").result()

    assert said.err.startswith("sdreg: another audit is at work; there is one at a time\n")
    assert "another audit is at work" in scheduled.err


def test_who_wants_to_know_of_findings_is_told(sdreg, installed, clock, tmp_path):
    heard = tmp_path / "heard"
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\necho "$SDREG_EVENT $SDREG_FOUND" > {heard}\ncat >> {heard}\n')
    script.chmod(0o755)
    sdreg("config", "set", "notify.command", str(script))
    sdreg("audit", "schedule", "--every", "1d")
    damage(Path(installed["path"]))
    clock(days=2)

    said = sdreg("audit", "scheduled", expect=1)

    first, document = heard.read_text().split("\n", 1)
    assert first == "findings 1"
    assert json.loads(document)["not_repaired"] == 1
    assert said.err.endswith("sdreg: 1 finding is not repaired: see `sdreg audit status`\n")


def test_a_scheduled_audit_that_was_killed_is_gone_on_with(sdreg, installed, clock):
    sdreg("audit", "schedule", "--every", "30d")
    clock(days=1)
    records = Registry.open().catalog.audits
    began = datetime(2026, 3, 2, 3, tzinfo=UTC)
    killed = AuditRun(began, "due", "schedule", checked=1)
    run = sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")
    assert run["checked"] == 1
    clock(days=20)  # not due yet, but what it was killed over is

    assert sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")["checked"] == 0
    records.begin(killed)
    assert sdreg.json("audit", "scheduled", schema="sdreg.audit-scheduled/1")["checked"] == 1
