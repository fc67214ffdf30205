"""Whatever happens to the process that paints is a verdict."""

import importlib.util
import os
import signal
from pathlib import Path

import pytest

from registry.domain.smoke import SmokeTask
from registry.settings import harmless_environment
from registry.smoke.run import how_to_add, run_smoke
from tests.smoke import builds

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("diffusers") is None, reason="the extra `smoke` is not installed"
)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    path = builds.checkpoint(folder / "a.safetensors")
    return SmokeTask(
        path, path.name, "checkpoint", "sd1", folder / "a.png", device="cpu", threads=1
    )


def child():
    """The number of the process that paints."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"registry.smoke.child" in words and parent == os.getpid():
            return int(folder.name)
    raise AssertionError("there is no child")


@needs_extra
def test_a_child_tells_its_stages_and_its_result(task):
    stages = []
    result = run_smoke(task, stages.append)

    assert result.verdict == "passed"
    assert stages == ["import", "load", "paint"]
    assert set(result.seconds) == set(stages)
    assert result.peak_memory_bytes > 100_000_000
    assert result.picture.exists()
    assert result.versions["diffusers"]


@needs_extra
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGKILL, "child-killed", "in the stage “load”: most likely the memory ran out"),
        (signal.SIGSEGV, "child-crashed", "in the stage “load” (SIGSEGV)"),
    ],
)
def test_a_child_that_dies_is_a_verdict(task, number, code, words):
    result = run_smoke(task, lambda stage: stage == "load" and os.kill(child(), number))

    (reason,) = result.reasons
    assert (result.verdict, reason.code) == ("failed", code)
    assert words in reason.message


@needs_extra
def test_a_child_that_hangs_is_a_verdict(task):
    def hang(stage):
        if stage == "load":
            os.kill(child(), signal.SIGSTOP)

    result = run_smoke(task, hang, time_limit_s=8.0)

    assert [reason.code for reason in result.reasons] == ["timeout"]


@needs_extra
def test_a_file_that_is_no_model_is_a_verdict(task, tmp_path):
    path = tmp_path / "b.safetensors"
    path.write_bytes(b"nothing of the kind")
    broken = SmokeTask(path, path.name, "checkpoint", "sd1", tmp_path / "b.png", device="cpu")
    result = run_smoke(broken)

    assert result.verdict == "failed"
    assert result.reasons[0].code == "does-not-load"


@needs_extra
def test_no_token_reaches_the_child(task, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "the-token")
    monkeypatch.setenv("SDREG_CIVITAI_TOKEN", "the-token")
    seen = []

    def look(stage):
        if stage == "load":
            seen.append(Path(f"/proc/{child()}/environ").read_bytes())

    run_smoke(task, look, environment=harmless_environment())

    assert b"HF_HUB_OFFLINE=1" in seen[0]
    assert b"the-token" not in seen[0]


def test_the_command_that_adds_the_extra_is_named():
    assert how_to_add().startswith("pip install 'sdreg[smoke]'")
