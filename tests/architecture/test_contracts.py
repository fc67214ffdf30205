"""The walls of the house: who may import whom, and what no file may hold."""

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_doors_open_downwards_only():
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as go; go()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def modules():
    return sorted(path for path in (ROOT / "registry").rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def reads_of_the_environment(tree):
    """Line numbers where `os.environ`, `os.getenv` or one of their kin is named."""
    words = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr in words:
                yield node.lineno
            case ast.ImportFrom(module="os", names=names):
                if words & {alias.name for alias in names}:
                    yield node.lineno


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_settings_reads_the_environment(path):
    if path.is_relative_to(ROOT / "registry" / "settings"):
        return
    assert list(reads_of_the_environment(ast.parse(path.read_text("utf-8")))) == []


def test_the_reader_of_the_environment_is_recognised():
    for text in (
        "import os\nos.environ['X']",
        "import os\nos.getenv('X')",
        "from os import environ",
    ):
        assert list(reads_of_the_environment(ast.parse(text)))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_says_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?", ":")), docstring.splitlines()[0]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_has_a_name_that_says_nothing(path):
    empty_words = {"utils", "util", "helpers", "helper", "manager", "models", "misc", "common"}
    assert path.stem not in empty_words


_EXCEPTION = re.compile(r"#\s*(noqa|type:\s*ignore)")
_WITH_REASON = re.compile(r"#\s*(noqa:\s*[A-Z0-9, ]+|type:\s*ignore\[[\w, -]+\])\s*[-#—:]+\s*\S")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_exception_to_a_rule_has_its_reason(path):
    """Behind it, or in the comment or the exception on the line above."""
    lines = ["", *path.read_text("utf-8").splitlines()]
    bare = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for number, (above, line) in enumerate(pairwise(lines), 1)
        if _EXCEPTION.search(line) and not _WITH_REASON.search(line) and "# " not in above
    ]
    assert bare == []


def project_files():
    """What git tracks or would track, as text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file() or path == Path(__file__):
            continue
        try:
            yield name, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a model


# Folders that exist on somebody's machine, and hosts that a mirror or a proxy may stand for.
UNWANTED = [
    r"(?<![\w.~}-])/(work|home/\w+|root|Users/\w+)/\w",
    r"(?<![\w.])/opt/(venv|pypi)",
    r"\bpypi\.org\b|\bfiles\.pythonhosted\.org\b|\bregistry\.npmjs\.org\b|\bdeb\.debian\.org\b",
]


@pytest.mark.parametrize("pattern", UNWANTED)
def test_no_file_names_a_folder_of_one_machine_or_a_package_registry(pattern):
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}"
        for name, text in project_files()
        for hit in re.finditer(pattern, text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["see /" + "work/main", "cd /home/ann/x", "/opt/venv/bin", "/" + "root/x"]
)
def test_a_folder_of_one_machine_is_recognised(text):
    assert any(re.search(pattern, text) for pattern in UNWANTED)


@pytest.mark.parametrize(
    "text", ["https://x/" + "work/1", "framework/a", "~/" + "work/a", "/models/x"]
)
def test_a_path_of_no_machine_is_left_alone(text):
    assert not any(re.search(pattern, text) for pattern in UNWANTED)
