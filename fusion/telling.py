"""How what runs for long tells of itself: a library is silent unless it is given somebody to tell."""

from __future__ import annotations

from collections.abc import Callable

from radstore.parallel import Progress

__all__ = ["Progress", "Say", "silent"]

Say = Callable[[str], None]
"""Told a line that the user should know: a device and why, a fallback."""


def silent(_: object) -> None:
    """Tell nobody."""
