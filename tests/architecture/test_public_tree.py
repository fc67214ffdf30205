"""What the pages speak of is there, and what is shipped can be shipped."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("registry/*.md")])


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\((?!\w+:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_of_the_tree_that_a_page_names_are_there(page):
    named = re.findall(
        r"`((?:registry|tests|docs|scripts|migrations)/[\w./-]+)`", page.read_text("utf-8")
    )
    made_by_the_wheel = {"registry/_shipped/"}
    assert [
        path for path in named if not (ROOT / path).exists() and path not in made_by_the_wheel
    ] == []


def test_everything_that_the_packages_carry_is_there():
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    wheel, sdist = targets["targets"]["wheel"], targets["targets"]["sdist"]
    wanted = [*wheel["packages"], *wheel["force-include"], *sdist["include"]]
    assert [pattern for pattern in wanted if not list(ROOT.glob(pattern))] == []


@pytest.mark.parametrize("script", ["scripts/check", ".ci/run"])
def test_a_script_can_be_run_as_it_is(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert path.read_text("utf-8").startswith("#!/usr/bin/env bash\n")
