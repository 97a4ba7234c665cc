"""`FusionPredictor`: one model folder, ready to predict samples; nnU-Net's predictor with a case's vector.

One vector serves all tiles and mirrors of its case. What does not fit on the GPU is tried again with less:
results on the host, smaller tiles, the processor, each said aloud and kept with the case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from fusion.recipe import Recipe
    from fusion.samples.sample import Sample
