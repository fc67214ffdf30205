"""`python -m registry` is `sdreg`."""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # Imports make a hundred thousand objects that all stay: to look through them again and again
    # for garbage takes a tenth of a command's start.
    gc.set_threshold(200_000)
    # httpx brings its own command line where click and rich are there: a tenth of an install's
    # start. What stands here as None cannot be imported, and httpx does without.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    from registry.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
