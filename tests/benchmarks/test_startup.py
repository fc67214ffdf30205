"""How long whole processes take, in multiples of importing what every such tool imports.

Not collected by default: `python -m pytest tests/benchmarks -s`. The runs alternate, the median
counts, and only ratios within one run mean anything. Bytecode is compiled first, as pip does at
installation.
"""

import compileall
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROUNDS = 15
BASE = ("-c", "import typer, rich.table")
PACKAGE = Path(__file__).parents[2] / "registry"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    compileall.compile_dir(PACKAGE, quiet=1)
    home = tmp_path_factory.mktemp("home")
    variables = {**os.environ, "SDREG_HOME": str(home)}  # noqa: TID251 -- what a child process needs
    # The first listing makes the catalog and fills it; that is not what is measured.
    subprocess.run(
        [sys.executable, "-m", "registry", "list"],
        env=variables,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return variables


def measure(commands, environment):
    took = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, arguments in commands.items():
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
            )
            took[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in took.items()}


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [(["--help"], 1.3), (["list"], 2.0), (["list", "--json"], 2.0), (["search", "ink"], 2.0)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else f"at most {value}",
)
def test_a_command_starts_fast(arguments, limit, environment, capsys):
    medians = measure({"base": BASE, "sdreg": ("-m", "registry", *arguments)}, environment)
    ratio = medians["sdreg"] / medians["base"]
    with capsys.disabled():
        print(  # noqa: T201 -- a benchmark is for reading
            f"\nsdreg {' '.join(arguments)}: {medians['sdreg'] * 1000:.0f} ms, "
            f"{ratio:.2f} x `import typer, rich.table` ({medians['base'] * 1000:.0f} ms)"
        )
    assert ratio <= limit
