"""How much slower does a catalog of 100,000 models answer than an empty one?

Run it by hand, it takes some minutes (benchmarks are not collected with the other tests):

    python -m pytest -s tests/benchmarks/test_catalog_size.py

It writes one catalog file of 100,000 invented models, takes it in as `sdreg catalog add` would, and
then asks both catalogs the same questions, each in a process of its own as a command would be:
open, ask, print, end. The median of several alternating runs counts; only the ratio means anything,
as the machine is never quiet. The mark to hold is 3. The shortest words are the hardest: one
letter begins some word of nearly every model.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from registry.catalog import open_catalog
from registry.catalog.seed import import_seed, load_seed

MODELS = 100_000
RUNS = 9
MARK = 3.0
ROOT = Path(__file__).resolve().parents[2]

QUESTIONS = {
    "search a": "catalog.models.search('a')",
    "search ink": "catalog.models.search('ink')",
    "search an bo": "catalog.models.search('an bo')",
    "search checkpoint": "catalog.models.search('checkpoint')",
    "search (nothing)": "catalog.models.search('zzzzzz')",
    "list --limit 50": "catalog.models.overview(limit=50), catalog.models.count()",
    "list --limit 50 --type lora": "catalog.models.overview(type='lora', limit=50)",
    "list --limit 50 --base sdxl": "catalog.models.overview(base='sdxl', limit=50)",
    "list --limit 50 --base flux": "catalog.models.overview(base='flux', limit=50)",
    "list --limit 50 --installed": "catalog.models.overview(installed=True, limit=50)",
}

# What a command loads besides the catalog: the scale that the issue measures against.
ASK = """
import sys, typer, rich.table
from datetime import UTC, datetime
from pathlib import Path
from registry.catalog import open_catalog
path = Path(sys.argv[1])
clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
with open_catalog(path, backups=path, clock=clock, seed=None) as catalog:
    {question}
"""

SYLLABLES = ("an", "bo", "ca", "de", "el", "fa", "gi", "ha", "in", "ka", "lu", "a", "ink", "punk")


def words(chance: random.Random) -> Iterator[str]:
    while True:
        yield "".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))


def invented_models(number: int) -> Iterator[dict]:
    chance = random.Random(5)
    word = words(chance)
    for index in range(number):
        name = f"{next(word)} {next(word)} {next(word)}"
        digits = sha256(str(index).encode()).hexdigest()
        place = {
            "hub": "civitai",
            "model": str(1_000_000 + index),
            "version": str(2_000_000 + index),
            "file": str(3_000_000 + index),
        }
        file = {
            "name": f"{name.replace(' ', '_')}.safetensors",
            "role": "weights",
            "format": "safetensors",
            "precision": "fp16",
            "size_bytes": 2_000_000_000 + index,
            "hashes": {"sha256": digits, "autov2": digits[:10], "blake3": digits[::-1]},
            "sources": [place],
            "hub_file_id": place["file"],
        }
        yield {
            "slug": f"{name.replace(' ', '-')}-{index}",
            "name": name,
            "type": chance.choice(["checkpoint", "lora", "embedding"]),
            "base": chance.choice(["sd1", "sdxl", "sdxl-pony"]),
            "author": next(word),
            "hub_models": [f"civitai:{place['model']}"],
            "trigger_words": [next(word), next(word)],
            "versions": [{"name": "v1", "hub_version_id": place["version"], "files": [file]}],
        }


def new_year() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory) -> tuple[Path, Path]:
    """An empty catalog, without even the seed, and a large one."""
    folder = tmp_path_factory.mktemp("catalogs")
    paths = folder / "empty.db", folder / "large.db"
    for path in paths:
        open_catalog(path, backups=folder, clock=new_year, seed=None).close()
    file = folder / "large.json"
    models = list(invented_models(MODELS))
    file.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": models}))
    begin = time.perf_counter()
    with open_catalog(paths[1], backups=folder, clock=new_year, seed=None) as catalog:
        import_seed(catalog, load_seed(file))
    took_s = time.perf_counter() - begin
    print(f"\n{MODELS:,} models taken in, in {took_s:.0f} s")  # noqa: T201 - a benchmark is for reading
    return paths


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_large_catalog_answers_within_three_times_an_empty_one(catalogs, name):
    command = [sys.executable, "-c", ASK.format(question=QUESTIONS[name])]
    taken: dict[Path, list[float]] = {path: [] for path in catalogs}
    for _ in range(RUNS):
        for path in catalogs:
            begin = time.perf_counter()
            subprocess.run([*command, str(path)], check=True, cwd=ROOT)
            taken[path].append(time.perf_counter() - begin)
    empty, large = (statistics.median(taken[path]) for path in catalogs)

    print(  # noqa: T201 - as above
        f"{name:30} empty {empty:.3f} s, large {large:.3f} s, ratio {large / empty:.2f}"
    )
    assert large / empty <= MARK
