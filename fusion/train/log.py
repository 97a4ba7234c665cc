"""nnU-Net's log of a training: an epoch without a Dice does not end it, its picture is drawn now and then."""

from __future__ import annotations

import math
import time
from typing import Any

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
from matplotlib import rc_context
from nnunetv2.training.logging.nnunet_logger import LocalLogger

SECONDS = 60.0
"""Between two pictures: one takes more than a second, as long as many an epoch of a small network."""


class TrainingLog(LocalLogger):  # type: ignore[misc]
    """nnU-Net's log; ``progress.png`` is drawn once a minute at most, and behind the last epoch.

    Where no structure is in any patch of an epoch, its Dice is NaN. nnU-Net's moving average would then be
    NaN for ever, and no checkpoint the best any more; here it stays as it was.

    Parameters
    ----------
    epochs
        How many there will be.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs, self._drawn = epochs, time.monotonic()

    def log(self, key: str, value: Any, epoch: int) -> None:
        """Called with what an epoch came to; the moving average of the Dice leaves out what has none."""
        if key == "ema_fg_dice" and math.isnan(value):
            before = self.my_fantastic_logging[key][epoch - 1 : epoch]
            known = [dice for dice in before if not math.isnan(dice)]
            value = known[0] if known else self.my_fantastic_logging["mean_fg_dice"][epoch]
        super().log(key, value, epoch)

    def plot_progress_png(self, output_folder: str) -> None:
        """Called behind each epoch; draws if it is time, and leaves the style of other figures alone."""
        logged = len(self.my_fantastic_logging["epoch_end_timestamps"])
        if logged >= self._epochs or time.monotonic() - self._drawn >= SECONDS:
            with rc_context():  # nnU-Net sets the font of all figures to come
                super().plot_progress_png(output_folder)
            self._drawn = time.monotonic()
