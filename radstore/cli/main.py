"""Entry point: runs the app."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0: all done. 1: some cases failed. 2: bad input, nothing was changed. 130: stopped by Ctrl-C.
    """
    from radstore.cli.app import app

    try:
        app(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
