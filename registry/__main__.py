"""`python -m registry` is `sdreg`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from registry.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
