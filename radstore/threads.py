"""How many threads a case may use in this process: workers on one machine share its cores."""

from __future__ import annotations

import os

_chosen: int | None = None


def use_threads(threads: int | None) -> None:
    """Let each case use that many threads; None: one for every core that this process may use."""
    global _chosen
    _chosen = threads


def threads() -> int:
    """How many threads a case may use now."""
    return _chosen if _chosen is not None else usable_cores()


def usable_cores() -> int:
    """How many cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows bind no process to cores
        return os.cpu_count() or 1
