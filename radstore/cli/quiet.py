"""What libraries would say on the terminal that a user can do nothing about."""

from __future__ import annotations

import os


def quiet() -> None:
    """Keep Python from telling of semaphores of a worker that was stopped in the middle of its case.

    They are cleaned up by the process that tells of them: one that Python starts by itself and that only the
    environment reaches. Who set the variable for himself is left alone.
    """
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
