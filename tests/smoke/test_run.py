"""Whatever happens to the process that paints is a verdict."""

import importlib.util
import os
import signal
from pathlib import Path

import pytest

from registry.domain.smoke import SmokeTask
from registry.settings import harmless_environment
from registry.smoke import run
from registry.smoke.run import has_gpu, how_to_add, run_smoke
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


@pytest.mark.parametrize(
    ("says", "amd", "build"),
    [
        ("echo 580.65.06", False, "cu130"),
        ("printf '590.1\\n590.1\\n'", False, "cu130"),
        ("echo 550.120", True, "cu126"),
        ("echo 'No devices were found'; exit 6", False, "cpu"),
        ("exit 9", True, "rocm7.2"),
        (None, True, "rocm7.2"),
        (None, False, "cpu"),
    ],
)
def test_the_command_that_adds_the_extra_fits_the_machine(tmp_path, monkeypatch, says, amd, build):
    if says is not None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{says}\n")
        tool.chmod(0o755)
    kfd = tmp_path / "kfd"
    if amd:
        kfd.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(run, "_AMD", kfd)
    monkeypatch.setattr("sys.platform", "linux")

    index = f"--extra-index-url https://download.pytorch.org/whl/{build}"
    assert how_to_add() == f"pip install 'sdreg[smoke]' {index}"
    assert has_gpu() == (build != "cpu")


def test_a_mac_needs_no_index(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")

    assert how_to_add() == "pip install 'sdreg[smoke]'"


def put_before_all(folder, monkeypatch):
    """The child finds the modules of this folder before those that are installed."""
    sound = run._offline

    def changed(environment):
        told = sound(environment)
        return told | {"PYTHONPATH": f"{folder}{os.pathsep}{told['PYTHONPATH']}"}

    monkeypatch.setattr(run, "_offline", changed)


@needs_extra
def test_memory_that_runs_out_is_called_so(task, tmp_path, monkeypatch):
    (tmp_path / "diffusers.py").write_text("import torch\ntorch.empty(1 << 52)")
    put_before_all(tmp_path, monkeypatch)
    result = run_smoke(task)

    assert (result.verdict, [each.code for each in result.reasons]) == ("failed", ["out-of-memory"])


def test_a_broken_extra_is_no_fault_of_the_model(task, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13: cannot open')")
    put_before_all(tmp_path, monkeypatch)
    result = run_smoke(task)

    assert (result.verdict, [each.code for each in result.reasons]) == ("untestable", ["no-extra"])
    assert "libcudart.so.13" in result.reasons[0].message
