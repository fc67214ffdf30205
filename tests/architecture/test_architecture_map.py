"""ARCHITECTURE.md shows the house as it is."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "registry" / "ARCHITECTURE.md").read_text("utf-8")


def blocks():
    """The code blocks of the page, by the heading they stand under."""
    found = re.findall(r"^## (.+?)$(.*?)^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return {heading.strip(): block for heading, _, block in found}


def shown_modules():
    """Paths below registry/ that the tree shows; a folder ends with a slash."""
    folders, shown = [], []
    for line in blocks()["The rooms"].splitlines()[1:]:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 4
        del folders[depth - 1 :]
        shown.append("".join(folders) + name)
        if name.endswith("/"):
            folders.append(name)
    return shown


def real_modules():
    package = ROOT / "registry"
    paths = (path.relative_to(package) for path in package.rglob("*.py"))
    return [
        f"{path.parent.as_posix()}/"
        if path.name == "__init__.py" and path.parent != Path()
        else path.as_posix()
        for path in paths
    ]


def test_the_tree_shows_every_module_and_none_that_is_not_there():
    assert sorted(shown_modules()) == sorted(real_modules()), "run: python scripts/draw_tree.py"


def test_every_top_level_entry_is_named():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    entries = {name.partition("/")[0] for name in listed.stdout.split("\0") if name}
    shown = re.findall(r"[\w.\-]+", blocks()["Around the package"])
    assert entries <= set(shown)


def test_the_floors_are_those_of_the_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = re.findall(r"^ ?\d+  ((?:\w+)(?: \| \w+)*)", blocks()["Floors and doors"], re.MULTILINE)
    assert rows == layers


def test_every_word_of_the_vocabulary_that_looks_like_a_class_is_one():
    table = PAGE.partition("## Vocabulary")[2].partition("\n## ")[0]
    words = set(
        re.findall(
            r"`([A-Z]\w+)`",
            "\n".join(row.split("|")[1] for row in table.splitlines() if "|" in row),
        )
    )
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "registry").rglob("*.py"))
    missing = {
        word
        for word in words
        if not re.search(rf"^(class {word}\b|{word} = )", sources, re.MULTILINE)
    }
    assert missing == set()


def test_the_drawing_shows_what_the_page_shows():
    script = runpy.run_path(str(ROOT / "scripts" / "draw_tree.py"))
    assert PAGE.count(script["BEGIN"]) == PAGE.count(script["END"]) == 1
    drawn = [line.split()[0] for line in script["drawn"]().splitlines()[1:-1]]
    assert drawn == [line.split()[0] for line in blocks()["The rooms"].splitlines()]
