"""The pipeline with a budget of seconds: what it makes is worth nothing, but every step makes it."""

from __future__ import annotations

import sys

from pipelines import plan
from pipelines.budget import Budget
from pipelines.panorama import main

TINY = ("--batch", "2", "--base-features", "4", "--max-features", "8", "--stages", "3")
plan.QUICK = Budget(
    stage1=("--patch", "8", "24", "24", *TINY),
    stage2=("--spacing", "6", "4", "4", "--patch", "8", "24", "24", *TINY),
    train1=("--epochs", "1", "--steps", "2", "--validation-steps", "1"),
    train2=("--epochs", "12", "--steps", "2", "--validation-steps", "1"),
    predict=("--no-mirroring", "--no-pictures"),
)

if __name__ == "__main__":
    sys.exit(main())
