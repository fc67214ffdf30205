"""What cannot be tried here: the third verdict, beside passed and failed."""

from registry.domain.smoke import Reason


class CannotTry(Exception):
    """The model cannot be tested here, which says nothing about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reason = Reason(code, message)
