"""What the pickle machine works on: its stack, marks and memory; it never runs below them."""

from typing import NoReturn

from registry.pickles.opcodes import BrokenPickle
from registry.pickles.policy import MAX_MEMO, MAX_OPERATIONS, MAX_STACK, Findings


class Stack:
    """Values of one pickle while it is read.

    Args:
        findings: Where refusals are written down.

    Attributes:
        at_byte: Where the operation stands that is carried out.
        spent: What was done so far, in operations.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.at_byte = 0
        self.spent = 0
        self._values: list[object] = []
        self._marks: list[int] = []
        self._memory: dict[int, object] = {}

    def clear(self) -> None:
        """Begin another pickle; what was spent stays spent."""
        self._values, self._marks, self._memory = [], [], {}

    def spend(self, operations: int) -> None:
        """Count what is done.

        Raises:
            BrokenPickle: It is more than any model needs.
        """
        self.spent += operations
        if self.spent > MAX_OPERATIONS:
            self.over(f"more than {MAX_OPERATIONS:,} operations")
        if len(self._values) + len(self._marks) > MAX_STACK or len(self._memory) > MAX_MEMO:
            self.over("more values at once than any model has")

    def broken(self, because: str) -> NoReturn:
        """Stop: this is no pickle."""
        raise BrokenPickle(because, self.at_byte)

    def over(self, because: str) -> NoReturn:
        """Stop: this is too much."""
        raise BrokenPickle(because, self.at_byte, over_limit=True)

    def push(self, value: object) -> None:
        """Put a value on top."""
        self._values.append(value)

    def pop(self) -> object:
        """Take the value on top, if one lies above the last mark."""
        if len(self._values) <= self._fence():
            self.broken("it takes a value where there is none")
        return self._values.pop()

    @property
    def top(self) -> object:
        """The value on top, if one lies above the last mark."""
        if len(self._values) <= self._fence():
            self.broken("it looks for a value where there is none")
        return self._values[-1]

    def last(self) -> object:
        """The one value that a whole pickle leaves."""
        value = self.pop()
        if self._values or self._marks:
            self.broken("values are left over at its end")
        return value

    def mark(self) -> None:
        """Set a mark."""
        self._marks.append(len(self._values))

    def pop_to_mark(self) -> list[object]:
        """Take everything above the last mark, and the mark."""
        if not self._marks:
            self.broken("it goes back to a mark that it never set")
        at = self._marks.pop()
        items = self._values[at:]
        del self._values[at:]
        return items

    def drop(self) -> None:
        """Take the value on top, or the mark, where that comes first."""
        if self._marks and self._marks[-1] == len(self._values):
            self._marks.pop()
        else:
            self.pop()

    def remember(self, number: object) -> None:
        """Keep the value on top under a number; None for the next one."""
        place = len(self._memory) if number is None else number
        if not isinstance(place, int) or place < 0:
            self.broken("it remembers a value under no number")
        self._memory[place] = self.top

    def recall(self, number: object) -> None:
        """Put a remembered value on top."""
        if not isinstance(number, int) or number not in self._memory:
            self.broken("it recalls a value that it never remembered")
        self._values.append(self._memory[number])

    def _fence(self) -> int:
        return self._marks[-1] if self._marks else 0
