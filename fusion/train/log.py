"""nnU-Net's log of a training, its picture drawn now and then."""

from __future__ import annotations

import time

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
from nnunetv2.training.logging.nnunet_logger import LocalLogger

SECONDS = 60.0
"""Between two pictures: one takes more than a second, as long as many an epoch of a small network."""


class TrainingLog(LocalLogger):  # type: ignore[misc]
    """nnU-Net's log; ``progress.png`` is drawn once a minute at most, and behind the last epoch.

    Parameters
    ----------
    epochs
        How many there will be.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs, self._drawn = epochs, time.monotonic()

    def plot_progress_png(self, output_folder: str) -> None:
        """Called behind each epoch; draws if it is time."""
        logged = len(self.my_fantastic_logging["epoch_end_timestamps"])
        if logged >= self._epochs or time.monotonic() - self._drawn >= SECONDS:
            super().plot_progress_png(output_folder)
            self._drawn = time.monotonic()
