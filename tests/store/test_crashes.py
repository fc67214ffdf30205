"""Killed at every step: what holds then, and that the next run finishes the work."""

import os
import subprocess
import sys

import pytest

from tests.store.killed import DEEDS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("deed", DEEDS)
def test_the_invariants_hold_wherever_it_is_killed_and_the_next_run_finishes(
    deed, tmp_path, project_root
):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.store.killed", deed, str(tmp_path / "world")],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 2, "it was hardly killed at all"
