#!/usr/bin/env python3
"""How fast and in how little memory full-size checkpoints are converted and merged.

    python scripts/bench/convert.py make FOLDER       24 GB of made-up models
    python scripts/bench/convert.py convert FOLDER
    python scripts/bench/convert.py merge FOLDER

Ratios within one run are printed: speed against `cp` of the same file, as whole processes, and the
highest memory of any process of the command. Delete the folder afterwards.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from full_size import write_ckpt, write_model

MB = 1000 * 1000


def make(folder: Path) -> None:
    """Write the files that the others need."""
    folder.mkdir(parents=True, exist_ok=True)
    write_ckpt(folder / "averaged.ckpt", averaged=True)
    write_ckpt(folder / "plain.ckpt", averaged=False)
    for seed, name in enumerate("ab"):
        write_model(folder / f"{name}.safetensors", seed)


def convert(folder: Path) -> None:
    """Convert a checkpoint with and one without averages; print the figures."""
    output = folder / "out.safetensors"
    wishes = ["--prune", "--precision", "fp16", "--json"]
    for source in (folder / "averaged.ckpt", folder / "plain.ckpt"):
        copied_s = _copy(source)
        took_s, peak_mb, told = _sdreg(["convert", source, "--output", output, *wishes])
        output.unlink()
        what = f"{told['tensors']} tensors, {len(told['dropped'])} dropped"
        print(f"convert {source.stat().st_size / 1e9:.2f} GB .ckpt to fp16, pruned ({what})")
        print(f"  cp {copied_s:.1f} s, sdreg {took_s:.1f} s: {copied_s / took_s:.2f} of cp's speed")
        print(f"  {peak_mb:.0f} MB of memory")


def merge(folder: Path) -> None:
    """Merge two models; print the figures."""
    models = [folder / "a.safetensors", folder / "b.safetensors"]
    output = folder / "ab.safetensors"
    copied_s = sum(_copy(model) for model in models)
    took_s, peak_mb, told = _sdreg(
        ["merge", *models, "--output", output, "--precision", "fp16", "--json"]
    )
    output.unlink()
    print(f"merge two models of {models[0].stat().st_size / 1e9:.2f} GB to fp16")
    print(f"  {told['merged']} of {told['tensors']} tensors blended")
    print(f"  cp of both {copied_s:.1f} s, sdreg {took_s:.1f} s: {copied_s / took_s:.2f}")
    print(f"  {peak_mb:.0f} MB of memory")


def _copy(source: Path) -> float:
    copy = source.with_suffix(".copy")
    _settle()
    begun_s = time.perf_counter()
    subprocess.run(["cp", source, copy], check=True)
    took_s = time.perf_counter() - begun_s
    copy.unlink()
    return took_s


def _sdreg(arguments: Sequence[object]) -> tuple[float, float, dict[str, Any]]:
    """Seconds, the highest memory of a process in MB, and what it told."""
    _settle()
    begun_s = time.perf_counter()
    script = (
        "import resource, sys; from registry.cli.app import run; code = run(sys.argv[1:]);"
        "own, child = (resource.getrusage(who).ru_maxrss"
        " for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN));"
        "print(max(own, child), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    took_s = time.perf_counter() - begun_s
    return took_s, int(done.stderr.split()[-1]) * 1024 / MB, json.loads(done.stdout)


def _settle() -> None:
    """Let the disk finish what others gave it, so that nobody pays for somebody else's writes."""
    os.sync()
    time.sleep(1)


if __name__ == "__main__":
    {"make": make, "convert": convert, "merge": merge}[sys.argv[1]](Path(sys.argv[2]))
