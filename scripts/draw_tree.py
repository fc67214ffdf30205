"""Draw the rooms of registry/ in registry/ARCHITECTURE.md, in the words of their own docstrings.

    python scripts/draw_tree.py

Run it after a module came, went, or changed its mind about what it is for.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "registry"
PAGE = PACKAGE / "ARCHITECTURE.md"
BEGIN = "<!-- scripts/draw_tree.py draws from here … -->\n"
END = "<!-- … to here -->\n"
_COLUMN = 28


def main() -> None:
    """Replace what lies between the two marks."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + drawn() + END + after, "utf-8")


def drawn() -> str:
    """The tree as a block of Markdown."""
    return "```text\nregistry/\n" + "".join(_lines(PACKAGE, 1)) + "```\n"


def _lines(folder: Path, depth: int) -> Iterator[str]:
    here = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    for path in here:
        if path.suffix == ".py" and (depth == 1 or path.name != "__init__.py"):
            yield _line(path.name, path, depth)
        elif (path / "__init__.py").is_file():
            yield _line(f"{path.name}/", path / "__init__.py", depth)
            yield from _lines(path, depth + 1)


def _line(name: str, module: Path, depth: int) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    indent = "    " * depth
    return (
        f"{indent}{name:<{_COLUMN - len(indent)}} {docstring.partition(chr(10))[0]}".rstrip() + "\n"
    )


if __name__ == "__main__":
    main()
