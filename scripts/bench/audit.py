#!/usr/bin/env python3
"""How fast an audit reads a cold file, against the tools that hash one.

    python -m scripts.bench.audit cold|rate [--runs 5] [--gigabytes 4] [--folder DIR]

`cold`: a 4 GB file is installed; then sdreg (whole process), b3sum and sha256sum read it in
alternating runs, with the page cache emptied before each (needs root). Printed are medians:
seconds, multiples of b3sum's, and the highest memory. `rate`: how near `--rate` comes to what was
asked for.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from scripts.bench.downloads import MIB, Run

GB = 1000**3
_HEADER = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}'


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["cold", "rate"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wish.folder) as folder:
        home = Path(folder) / "home"
        # In a child: what a process has in memory when it starts another counts as that one's.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            size_bytes = int(wish.gigabytes * GB)
            blob = child.submit(_installed, home, Path(folder), size_bytes).result()
        if wish.what == "cold":
            _cold(home, blob, wish.runs)
        else:
            _rate(home)


def _cold(home: Path, blob: Path, runs: int) -> None:
    programs = {"sdreg verify": [*_sdreg(), "verify"], "b3sum": ["b3sum", str(blob)]}
    programs["sha256sum"] = ["sha256sum", str(blob)]
    taken: dict[str, list[Run]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, command in programs.items():
            if shutil.which(command[0]):
                _empty_page_cache()
                taken[name].append(_timed(command, home))
    base = statistics.median(run.seconds for run in taken["b3sum"] or taken["sha256sum"])
    for name, several in taken.items():
        if several:
            seconds = statistics.median(run.seconds for run in several)
            memory = max(run.peak_mb for run in several)
            print(f"{name:<14} {seconds:6.2f} s  {seconds / base:5.2f} x  {memory:5.0f} MB")


def _rate(home: Path) -> None:
    for megabytes in (50, 200, 400):
        _empty_page_cache()
        words = ["audit", "run", "--rate", f"{megabytes}M", "--json"]
        told = subprocess.run(
            [*_sdreg(), *words], env=_environment(home), capture_output=True, check=True, text=True
        ).stdout
        document = json.loads(told)
        rate = document["bytes"] / document["seconds"] / 1e6
        print(f"--rate {megabytes}M: {rate:.1f} MB/s, {rate / megabytes:.3f} of it")


def _installed(home: Path, folder: Path, size_bytes: int) -> Path:
    """A safetensors file of this length in the store, as if it had been downloaded."""
    from registry.api import Registry  # noqa: PLC0415 -- in the child only
    from registry.demo.hub import EmbeddedHub, HostedFile  # noqa: PLC0415 -- as above
    from registry.settings import Settings  # noqa: PLC0415 -- as above

    path = folder / "large.safetensors"
    header = _HEADER % (size_bytes, size_bytes)
    with path.open("wb") as out:
        out.write(len(header).to_bytes(8, "little") + header)
        noise = os.urandom(64 * MIB)
        left = size_bytes
        while left:
            out.write(noise[:left])
            left -= min(left, len(noise))
            noise = noise[1:] + noise[:1]
    with EmbeddedHub([HostedFile(path, path.name, civitai=(901, 902, 903))]) as hub:
        registry = Registry(Settings(home=home, civitai_url=hub.address))
        (done,) = registry.install("civitai:901").files
    path.unlink()
    return done.blob.path


def _timed(command: list[str], home: Path) -> Run:
    begun_s = time.perf_counter()
    with subprocess.Popen(
        command, env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    seconds = time.perf_counter() - begun_s
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _sdreg() -> list[str]:
    return [str(Path(sys.executable).with_name("sdreg"))]


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "SDREG_HOME": str(home)}


def _empty_page_cache() -> None:
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
    except OSError as error:
        raise SystemExit(f"the page cache cannot be emptied: {error}") from error


if __name__ == "__main__":
    main()
