"""docs/dependencies.md and constraints.txt know every dependency of pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GROUPS = {"needed to run": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
REQUIREMENTS = [Requirement(text) for group in GROUPS.values() for text in group]
PAGE = (ROOT / "docs" / "dependencies.md").read_text("utf-8")


def pins():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    found = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda found: found.name)
def test_every_dependency_is_explained(requirement):
    assert re.search(rf"^\|.*\b{re.escape(requirement.name)}\b.*\|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda found: found.name)
def test_every_dependency_is_pinned_inside_its_range(requirement):
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_the_range_on_the_page_is_the_one_that_is_installed(text):
    requirement = Requirement(text)
    row = re.search(rf"^\| {re.escape(requirement.name)} \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert row
    shown = row[1].replace("≥", ">=").replace(" ", "")
    assert Requirement(f"x{shown}").specifier == requirement.specifier


def test_pins_are_exact_and_in_order():
    text = (ROOT / "constraints.txt").read_text("utf-8")
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        assert lines == sorted(lines, key=lambda line: line.split("=="))
        assert all(re.fullmatch(r"[a-z0-9\-]+==[0-9][0-9.]*", line) for line in lines)
