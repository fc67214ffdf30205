"""The pickle machine without hands: it moves descriptions on a stack, and does nothing else.

What the policy does not allow is written down and stands for `UNKNOWN` from there on, so that one
look finds everything.
"""

from collections.abc import Callable
from typing import NoReturn

from registry.pickles.opcodes import Tape, operations
from registry.pickles.policy import Code, Findings
from registry.pickles.stack import Stack
from registry.pickles.steps import STEPS
from registry.pickles.values import UNKNOWN, Refused, Unknown

Persistent = Callable[[object], object]


def nothing_outside(_: object) -> NoReturn:
    """For a pickle that has nothing to refer to."""
    raise Refused(Code.FORBIDDEN_OPERATION, "BINPERSID")


class Machine:
    """Reads one pickle after another of one file.

    Args:
        findings: Where refusals are written down.
        persistent: What a persistent id stands for.
    """

    def __init__(self, findings: Findings, persistent: Persistent = nothing_outside) -> None:
        self._findings = findings
        self._persistent = persistent
        self._stack = Stack(findings)

    def run(self, tape: Tape) -> object:
        """Read the pickle that begins here; what it describes.

        Raises:
            BrokenPickle: It is none, or beyond our limits.
        """
        stack = self._stack
        stack.clear()
        for operation in operations(tape):
            stack.at_byte = operation.at_byte
            stack.spend(1)
            try:
                if operation.name == "BINPERSID":
                    what = stack.pop()
                    stack.push(UNKNOWN if isinstance(what, Unknown) else self._persistent(what))
                else:
                    STEPS[operation.name](stack, operation.argument)
            except Refused as refused:
                # Its own arguments are gone from the stack; this stands for what it would give.
                self._findings.add(refused.code, refused.name, operation.at_byte)
                stack.push(UNKNOWN)
        value = stack.last()
        stack.clear()
        return value
