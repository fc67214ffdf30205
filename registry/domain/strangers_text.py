"""Text that strangers wrote, made harmless for a terminal, a log and an error message."""

import unicodedata

# Categories that can move the cursor, hide text or turn its direction: controls, formats,
# surrogates, private use, line and paragraph separators.
_DRIVING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def without_controls(text: str, *, keep_lines: bool = False) -> str:
    r"""Take out what could drive a terminal; everything else stays as it is.

    Example:
        >>> without_controls("nice\x1b]52;c;evil\x07 model")
        'nice]52;c;evil model'
    """
    kept = "\n" if keep_lines else ""
    return "".join(
        sign for sign in text if sign in kept or unicodedata.category(sign) not in _DRIVING
    )


def one_line(text: str, *, limit: int = 200) -> str:
    r"""A text as one short line: for quoting what a server said.

    Example:
        >>> one_line("log in\x1b[31m\n now"), one_line("abcdef", limit=3)
        ('log in[31m now', 'abc…')
    """
    spaced = "".join(" " if sign.isspace() else sign for sign in text[: limit * 8])
    line = " ".join(without_controls(spaced).split())
    return line if len(line) <= limit else f"{line[:limit]}…"
