"""The command `tollway`."""

import sys

from tollway_cli.app import create_app

INTERRUPTED = 130


def main() -> None:
    """Run the command line: exit code 1 for what went wrong, 2 for what was typed wrong."""
    try:
        create_app()()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
