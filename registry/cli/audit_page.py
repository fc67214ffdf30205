"""The state of all stored files as one HTML page: whole in itself, to keep or to mail."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from registry.cli.audit_standing import moment, run_cells, state_words
from registry.cli.words import size
from registry.domain.audit import AuditRun
from registry.domain.strangers_text import without_controls

if TYPE_CHECKING:
    from registry.operations.standing import Standing

# Mail programs drop scripts and outside files: all that it needs stands in here.
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em;
  color: #1c1f23; background: #fff }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3em .8em .3em 0; vertical-align: top;
  border-bottom: 1px solid #dcdfe3; white-space: nowrap }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9em }
td:last-child { white-space: normal }
div { overflow-x: auto }
th { font-weight: 600 } td.bad { color: #a11 } td.good { color: #17692f }
p.verdict { font-size: 1.1em; padding: .6em .9em; border-left: .3em solid #17692f;
  background: #f1f8f3 }
p.bad { border-color: #a11; background: #fbf1f1 }
"""


def page(now_is: "Standing", runs: Sequence[AuditRun]) -> str:
    """The page; everything that anybody else wrote is text in it."""
    bad = len(now_is.findings)
    things = "1 thing is" if bad == 1 else f"{bad} things are"
    words = f"{things} not right." if bad else "Nothing is known to be wrong."
    files = _table(
        ("File", "Size", "Found right", "State"),
        (
            (
                (file.install.file_name, ""),
                (size(file.install.size_bytes), ""),
                (moment(file.verified_at) if file.verified_at else "never", ""),
                (state_words(file), "bad" if file.findings else "good" if file.verified_at else ""),
            )
            for file in now_is.files
        ),
    )
    audits = _table(
        ("Began", "Of", "By", "Files", "Read", "Took", "Found", "Ended"),
        (tuple((text, "") for text in run_cells(run)) for run in runs),
    )
    never = f" {now_is.never_verified} were not checked yet." if now_is.never_verified else ""
    next_at = f" The next audit is due {moment(now_is.next_at)}." if now_is.next_at else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>sdreg: audit report</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Audit report</h1>\n"
        f'<p class="verdict{" bad" if bad else ""}">{words}</p>\n'
        f"<p>{len(now_is.files)} stored files, as of {moment(now_is.at)}.{never}{next_at}</p>\n"
        f"<h2>Files</h2>\n{files}<h2>Audits</h2>\n{audits}</body>\n</html>\n"
    )


def _table(headings: Iterable[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    head = "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings)
    body = "".join(
        "<tr>" + "".join(_cell(text, style) for text, style in row) + "</tr>\n" for row in rows
    )
    return (
        f"<div><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )


def _cell(text: str, style: str) -> str:
    attribute = f' class="{style}"' if style else ""
    return f"<td{attribute}>{_text(text)}</td>"


def _text(text: str) -> str:
    return escape(without_controls(text))
