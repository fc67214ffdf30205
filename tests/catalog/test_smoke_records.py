"""Smoke runs in and out of the catalog."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from registry.domain.smoke import Reason, SmokeResult, SmokeRun

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
RESULT = SmokeResult(
    "passed",
    device="cpu",
    dtype="bfloat16",
    steps=2,
    size=(64, 64),
    seed=1,
    seconds={"load": 2.4},
    peak_memory_bytes=4_669_898_752,
    picture=Path("smoke/a.png"),
    picture_hash="c9bc6565721a5a6c",
    figures={"latent_mean": -0.08},
    versions={"torch": "2.13.0"},
)
RUN = SmokeRun("sha256:00", "ink", AT, RESULT, "same")


def test_a_run_comes_back_as_it_went_in(empty):
    failed = SmokeResult("failed", (Reason("nan-weights", "one\ntwo"), Reason("noise", "…")))
    for run in (RUN, SmokeRun("/a/file", "file", AT, failed)):
        empty.smokes.add(run)

        assert empty.smokes.last(run.key) == run
    assert empty.smokes.last("sha256:11") is None


def test_the_last_good_one_is_of_the_same_device_and_seed(empty):
    bad = replace(RUN, result=replace(RESULT, verdict="failed"))
    on_gpu = replace(RUN, result=replace(RESULT, device="cuda"))
    other = replace(RUN, result=replace(RESULT, seed=2))
    on_a_base = replace(RUN, result=replace(RESULT, base="/a/base"))
    for run in (RUN, bad, on_gpu, other, on_a_base):
        empty.smokes.add(run)

    assert empty.smokes.last_good("sha256:00", "cpu", 1) == RUN
    assert empty.smokes.last_good("sha256:00", "cuda", 1) == on_gpu
    assert empty.smokes.last_good("sha256:00", "mps", 1) is None
    assert empty.smokes.last_good("sha256:00", "cpu", 1, "/a/base") == on_a_base
    assert empty.smokes.last_good("sha256:00", "cpu", 1, "/another") is None
