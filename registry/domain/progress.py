"""How long work tells what it is doing."""


class Progress:
    """Does nothing; the base class of every progress report.

    A terminal shows bars, a log gets lines, the service sends events, tests record calls. All
    methods may be called from several threads.
    """

    def begin(self, what: str, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Work on `what` begins; `done_bytes` of it are there already."""

    def advance(self, bytes_count: int) -> None:
        """So many more bytes are done; negative when some must be done again."""

    def end(self) -> None:
        """The work that began last is over, well or not."""

    def say(self, message: str) -> None:
        """Something that the user should know happened on the way."""

    def another(self) -> "Progress":
        """A report of its own for work that goes on beside this one."""
        return self
