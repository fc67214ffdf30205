"""`python -m registry` is `sdreg`."""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # Imports make a hundred thousand objects that all stay: to look through them again and again
    # for garbage takes a tenth of a command's start.
    gc.set_threshold(50_000)
    from registry.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
