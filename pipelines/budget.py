"""`Budget`: how large the networks of a run are and how long they learn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """How large the networks are and how long they learn.

    Parameters
    ----------
    stage1, stage2
        Options of ``fusion plan``, on top of what nnU-Net's planner finds.
    train1, train2
        Options of ``fusion train``; the same for every row.
    predict
        Options of ``fusion predict``.
    """

    stage1: tuple[str, ...] = ()
    stage2: tuple[str, ...] = ()
    train1: tuple[str, ...] = ()
    train2: tuple[str, ...] = ()
    predict: tuple[str, ...] = ()


TINY = ("--batch", "2", "--base-features", "8", "--max-features", "32")
FULL = Budget()
QUICK = Budget(
    stage1=(*("--patch", "8", "24", "24", "--stages", "3"), *TINY),
    stage2=(*("--spacing", "3", "1.5", "1.5", "--patch", "16", "40", "40", "--stages", "3"), *TINY),
    train1=("--epochs", "120", "--steps", "20", "--validation-steps", "2"),
    train2=("--epochs", "8", "--steps", "20", "--validation-steps", "2"),
    predict=("--no-mirroring",),
)
"""A check of the plumbing on two processors: nothing that such networks score means anything."""
