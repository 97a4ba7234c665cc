"""Entry point: runs the app."""

from __future__ import annotations

import signal
import sys

from radstore.cli import exits


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code, one of `radstore.cli.exits`.

    Parameters
    ----------
    argv
        What was typed behind ``radstore``; by default what the program was started with.
    """
    code = _run(argv)
    if code == exits.INTERRUPTED and argv is None:  # we are leaving: there is nothing left to interrupt
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _run(argv: list[str] | None) -> int:
    try:
        from radstore.cli.app import app

        app(argv, prog_name="radstore")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception:  # not to be mistaken for "some cases failed"
        import traceback

        traceback.print_exc()
        print("radstore: this looks like a bug; please report it with the lines above.", file=sys.stderr)
        return exits.BUG
    return exits.OK
