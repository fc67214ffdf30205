"""Tables for people, one JSON document for programs. Stdout is for results only."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from registry.cli.words import columns, json_text
from registry.domain.strangers_text import without_controls


def emit(schema: str, document: dict[str, Any]) -> None:
    """Write the one JSON document of a command."""
    write_json({"schema": schema, **document})


def write_json(document: dict[str, Any], *, indent: int | None = None) -> None:
    """Write a JSON document in whatever letters stdout can carry."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json_text(document, indent=indent, ascii_only=not unicode) + "\n")


def write(text: str = "") -> None:
    """Write one line to stdout, free of what could drive a terminal or fake another line."""
    sys.stdout.write(without_controls(text) + "\n")


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Write name and value pairs in two columns; what is empty is left out.

    On a terminal long values go on under their own column; a pipe gets every line whole.
    """
    shown = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *rest = [part for line in value.split("\n") for part in _fitted(line, width + 4)]
        write(f"  {name:<{width}}  {first}")
        for line in rest:
            write(f"  {'':<{width}}  {line}")


_LEAST_COLUMNS = 20


def _fitted(line: str, indent: int) -> list[str]:
    room = shutil.get_terminal_size().columns - indent
    if not sys.stdout.isatty() or room < _LEAST_COLUMNS or columns(line) <= room:
        return [line]
    return textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: int = -1) -> None:
    """Write a table: its last column folded to fit a terminal, every line whole into a pipe.

    A terminal too narrow for that gets the rows one below the other.

    Args:
        headings: One for each column.
        rows: Cells as text.
        right: Index of a column of numbers, set flush right.
    """
    cells = [[without_controls(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    if not sys.stdout.isatty():
        _plain_table(cells, widths, right)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    needed = sum(width + 2 for width in widths[:-1]) + min(widths[-1], _LEAST_COLUMNS)
    if needed > console.width:
        _stacked_table(cells[1:])
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate(headings):
        shown.add_column(
            heading,
            justify="right" if place == right else "left",
            overflow="fold",
            no_wrap=place < len(headings) - 1,
        )
    for row in cells[1:]:
        shown.add_row(*(cell.replace("[", r"\[") for cell in row))
    console.print(shown)


def _stacked_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows without their headings: the first two cells, and below them the others."""
    for first, second, *others in rows:
        write(f"{first}  {second}" if first else second)
        for line in _fitted("  ".join(cell for cell in others if cell), 4):
            write(f"    {line}")


def _plain_table(cells: Sequence[Sequence[str]], widths: Sequence[int], right: int) -> None:
    for row in cells:
        parts = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - columns(cell))
            parts.append(room + cell if place == right else cell + room)
        sys.stdout.write("  ".join(parts).rstrip() + "\n")
