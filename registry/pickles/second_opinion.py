"""What picklescan makes of a file: a task for the sandbox. It may warn, and never vouches."""

import logging
from collections.abc import Callable
from typing import Any

from picklescan.scanner import SafetyLevel, scan_file_path

from registry.domain.strangers_text import one_line

_MAX_NAMES = 20


def names(facts: dict[str, Any], _say: Callable[[Any], None]) -> list[str]:
    """Names that it finds suspicious or worse in the file at ``path``."""
    logging.disable()
    result = scan_file_path(facts["path"], strict=True)
    found = [
        one_line(f"{each.module}.{each.name}")
        for each in result.globals
        if each.safety is not SafetyLevel.Innocuous
    ]
    return sorted(set(found))[:_MAX_NAMES]
