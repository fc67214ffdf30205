"""Real disks of other kinds, in a name space of mounts that vanishes with its process.

with Apart() as apart:
    apart.mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", folder)
    machine.run("list", before=apart.enter)
    apart.seen(folder)  # the same folder, as it is in there
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_AS_ROOT = ("--mount", "--propagation", "private")
_TRIAL = "mount -t tmpfs tmpfs /mnt && umount /mnt"
_AS_ANYBODY = ("--user", "--map-root-user", "--mount")


class Apart:
    """A name space in which mounting is allowed; the test skips where there can be none.

    Args:
        images: Loop images will be mounted, which only the machine's own root may.
    """

    def __init__(self, *, images=False):
        self._images = images

    def __enter__(self):
        ways = [_AS_ROOT] if self._images else [_AS_ROOT, _AS_ANYBODY]
        for way in ways:
            if self._begin(way):
                return self
        pytest.skip("nothing can be mounted here")

    def __exit__(self, *_):
        self._keeper.stdin.close()
        self._keeper.wait(timeout=30)
        self._keeper.stdout.close()

    def _begin(self, way):
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            return False
        self._keeper = subprocess.Popen(
            [
                "unshare",
                *way,
                "sh",
                "-c",
                "mount -t tmpfs tmpfs /mnt && umount /mnt && echo && cat",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._keeper.stdout.readline() != b"\n":
            self.__exit__()
            return False
        inside = ("--user", "--preserve-credentials") if way is _AS_ANYBODY else ()
        # The shell is what lives in there; unshare became it.
        self.enter = ("nsenter", f"--target={self._keeper.pid}", "--mount", *inside)
        return True

    def mount(self, *words):
        """Mount as mount(8) is told."""
        subprocess.run([*self.enter, "mount", *map(str, words)], check=True)

    def small(self, folder, options):
        """A small disk of memory over a folder, with a copy of what lies there."""
        aside = folder.with_name(f"{folder.name}-before")
        folder.rename(aside)
        folder.mkdir()
        self.mount("-t", "tmpfs", "-o", options, "tmpfs", folder)
        shutil.copytree(aside, self.seen(folder), dirs_exist_ok=True)

    def image(self, folder, make, size_bytes, *options):
        """A disk image over a folder; `make` are the words of its mkfs."""
        if shutil.which(make[0]) is None:
            pytest.skip(f"{make[0]} is not here")
        file = folder.with_name(f"{folder.name}.img")
        with file.open("wb") as made:
            made.truncate(size_bytes)
        subprocess.run([*make, str(file)], check=True, capture_output=True)
        words = [*self.enter, "mount", "-o", ",".join(("loop", *options)), str(file), str(folder)]
        mounted = subprocess.run(words, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            pytest.skip(f"the image cannot be mounted: {mounted.stderr.strip()}")

    def seen(self, path):
        """Where a path of the name space is for those outside."""
        return Path(f"/proc/{self._keeper.pid}/root", *Path(os.path.abspath(path)).parts[1:])  # noqa: PTH100 -- not resolved
