import shutil
import subprocess
import sys

import pytest

ALONE = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount():
    if shutil.which("unshare") is None:
        return False
    asked = [*ALONE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_told_and_leaves_no_half_files(tmp_path, project_root):
    if not can_mount():
        pytest.skip("no small disk can be mounted here")
    ran = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.store.full_disk", str(tmp_path)],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
