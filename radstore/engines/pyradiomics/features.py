"""From a filtered image to numbers: PyRadiomics' feature classes, each set up once for all its features."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from radstore.engines.groups import Group
from radstore.engines.pyradiomics.library import FEATURE_CLASSES, imageoperations
from radstore.engines.pyradiomics.preprocess import LABEL
from radstore.engines.results import Results, recorded
from radstore.graph import Feature

# Bytes of texture matrices held at once in voxel mode. Measured with 17, 61 and 151 grey levels: larger
# batches are slower (they fall out of the cache), and the features' temporaries take about six times this.
MATRIX_BYTES = 16 << 20
MAX_BATCH = 1000

# PyRadiomics drops an angle that is empty in every window of a batch and marks one that is empty in some:
# these two features are then undefined (MCC for the whole batch). Computed alone, a window has no such angle.
BATCH_BOUND = frozenset({"JointAverage", "MCC"})


def global_values(group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results) -> None:
    """Add one number a feature to `out`."""
    calculator = _calculator(group, *imageoperations.cropToTumorMask(image, mask, box))
    calculator._initCalculation()
    _note_levels(calculator, group, out)
    for feature in group.features:
        with recorded(partial(out.fail, [feature])):
            # numpy ≥ 2.5 gives complex eigenvalues of real matrices
            out.values[feature.name] = float(np.real(np.squeeze(_evaluate(calculator, feature))))


def voxel_values(group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results) -> None:
    """Add one float32 array a feature to `out`: its value at each voxel of the region, in C order."""
    margin = group.settings["kernelRadius"]
    crop = imageoperations.cropToTumorMask(image, mask, box, padDistance=margin)
    calculator = _calculator(group, *crop, voxelBased=True)
    sweep = _Sweep(calculator, group.features)
    sweep.run(np.arange(sweep.voxels.shape[1]), _batch_size(calculator, group))
    sweep.again()
    _note_levels(calculator, group, out)
    for feature in group.features:
        out.values[feature.name] = sweep.values[feature.name]
        if reason := sweep.failure(feature):
            out.failures[feature.name] = reason


class _Sweep:
    """Goes over the region's voxels in batches and keeps what each feature gives."""

    def __init__(self, calculator: Any, features: list[Feature]) -> None:
        self.calculator = calculator
        self.features = features
        self.voxels: np.ndarray = calculator.labelledVoxelCoordinates
        self.values = {f.name: np.full(self.voxels.shape[1], np.nan, np.float32) for f in features}
        self.raised: dict[str, tuple[int, str]] = {}

    def run(self, indices: np.ndarray, batch: int) -> None:
        """Compute the voxels at `indices`, `batch` at a time."""
        for start in range(0, len(indices), batch):
            chosen = indices[start : start + batch]
            self.calculator._initCalculation(self.voxels[:, chosen])
            for feature in self.features:
                with recorded(partial(self._failed, feature.name, len(chosen))):
                    self.values[feature.name][chosen] = np.real(_evaluate(self.calculator, feature))

    def again(self) -> None:
        """Compute, each alone, the voxels that only their batch left undefined (see `BATCH_BOUND`)."""
        features = self.features
        for feature in features:
            if feature.family == "glcm" and feature.feature in BATCH_BOUND:
                self.raised.pop(feature.name, None)
                self.features = [feature]
                self.run(np.flatnonzero(np.isnan(self.values[feature.name])), 1)
        self.features = features

    def _failed(self, name: str, voxels: int, reason: str) -> None:
        count, _ = self.raised.get(name, (0, ""))
        self.raised[name] = count + voxels, reason

    def failure(self, feature: Feature) -> str:
        """Where and why a feature raised, or nothing."""
        count, reason = self.raised.get(feature.name, (0, ""))
        return f"undefined in {count} of {self.voxels.shape[1]} voxels: {reason}" if count else ""


def _calculator(group: Group, image: sitk.Image, mask: sitk.Image, **mode: Any) -> Any:
    return FEATURE_CLASSES[group.family](image, mask, **group.settings, label=LABEL, **mode)


def _note_levels(calculator: Any, group: Group, out: Results) -> None:
    levels = calculator.coefficients.get("grayLevels")  # shape has none
    if levels is not None:
        out.note_levels(group, len(levels))


def _evaluate(calculator: Any, feature: Feature) -> Any:
    """A feature's value from a calculator whose matrices are ready (what the library's own loop does,
    except that an exception comes out of it instead of going to a log).
    """
    return getattr(calculator, f"get{feature.feature}FeatureValue")()


def _batch_size(calculator: Any, group: Group) -> int:
    """How many voxels' matrices fit `MATRIX_BYTES`."""
    levels = calculator.coefficients["Ng"]
    window = (2 * group.settings["kernelRadius"] + 1) ** 3
    distances = group.settings.get("distances", [1])
    angles = sum(((2 * d + 1) ** 3 - (2 * d - 1) ** 3) // 2 for d in distances)
    cells = {
        "firstorder": 4 * window,
        "glcm": levels * levels * angles,
        "glrlm": levels * max(calculator.imageArray.shape) * angles,
        "glszm": levels * window,
        "gldm": levels * window,
        "ngtdm": 3 * levels,
    }[group.family]
    return int(np.clip(MATRIX_BYTES // (8 * cells), 1, MAX_BATCH))
