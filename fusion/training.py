"""`train`: one row of the ablation on one fold, from plans to a model folder of nnU-Net's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fusion.settings import Training


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to, for whoever draws the progress.

    Parameters
    ----------
    number, of
        The epoch just finished, from 1, and how many there are.
    train_loss, validation_loss
        Means over its steps.
    dice
        Mean Dice of the foreground on validation patches.
    seconds
        How long it took.
    """

    number: int
    of: int
    train_loss: float
    validation_loss: float
    dice: float
    seconds: float


def train(
    models: Path | str,
    stage: int,
    fold: int,
    inputs: str = "ct",
    *,
    store: str | None = None,
    settings: Training | None = None,
    device: str = "auto",
    init_from: Path | str | None = None,
    resume: bool = False,
    ddp: bool | None = None,
    progress: Callable[[Epoch], None] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train; returns the model folder."""
