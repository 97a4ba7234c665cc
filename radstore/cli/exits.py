"""The exit codes; the same for every verb."""

from __future__ import annotations

OK = 0  # all done
SOME_FAILED = 1  # some cases failed
BAD_INPUT = 2  # bad input; nothing was changed
BUG = 3  # an error nobody foresaw, told with its trace
INTERRUPTED = 130  # stopped by Ctrl-C
