"""How what runs for long tells of itself: a library is silent unless it is given somebody to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from radstore.parallel import Progress

__all__ = ["Doing", "Progress", "Say", "silent"]

Say = Callable[[str], None]
"""Told a line that the user should know: a device and why, a fallback."""


def silent(_: object) -> None:
    """Tell nobody."""


class Doing:
    """What is being done just now, from the whole to the detail.

    ``with doing("Stage 2"):`` within ``with doing("case 7"):`` tells ``case 7, Stage 2``, and ``case 7``
    again where the inner block ends.

    Parameters
    ----------
    tell
        Told of each change; an empty line: nothing is being done.
    """

    def __init__(self, tell: Say = silent) -> None:
        self._tell = tell
        self._parts: list[str] = []

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Tell that this is being done until the block ends."""
        self._parts.append(what)
        self._tell(", ".join(self._parts))
        try:
            yield
        finally:
            self._parts.pop()
            self._tell(", ".join(self._parts))
