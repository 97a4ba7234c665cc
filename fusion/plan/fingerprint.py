"""The dataset's fingerprint in nnU-Net's own format, from cases instead of ``nnUNet_raw``.

Which numbers, and how voxels are sampled, follow nnunetv2's ``DatasetFingerprintExtractor``: of each case
10,000 foreground voxels, drawn with replacement by ``RandomState(1234)``, so that every case counts the same.
(As shipped it draws so many that all cases together give 10⁸; the statistics are the same but for sampling.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radstore.errors import BadInput

SAMPLES = 10_000  # foreground voxels of a case
SEED = 1234
PERCENTILES = {"percentile_00_5": 0.5, "median": 50.0, "percentile_99_5": 99.5}


@dataclass(frozen=True, eq=False)
class CaseFingerprint:
    """What the fingerprint takes from one case.

    Parameters
    ----------
    spacing
        mm (z, y, x).
    shape
        Voxels (z, y, x) of what is cropped to: the ROI, or the whole CT.
    relative_size
        Its voxels against those of the whole CT.
    intensities
        float64 (`SAMPLES`,): HU of sampled foreground voxels in it; empty where it has no foreground.
    """

    spacing: tuple[float, ...]
    shape: tuple[int, ...]
    relative_size: float
    intensities: np.ndarray


def case_fingerprint(
    ct: np.ndarray, labels: np.ndarray, spacing: Sequence[float], whole: Sequence[int]
) -> CaseFingerprint:
    """The fingerprint of a case.

    Parameters
    ----------
    ct, labels
        (z, y, x): HU and labels of what is cropped to; above 0 is foreground.
    spacing
        mm (z, y, x).
    whole
        Shape (z, y, x) of the whole CT.
    """
    foreground = ct[labels > 0].astype(np.float64)
    drawn = foreground
    if len(foreground):
        drawn = np.random.RandomState(SEED).choice(foreground, SAMPLES, replace=True)
    size = float(np.prod(ct.shape, dtype=float) / np.prod(whole, dtype=float))
    return CaseFingerprint(tuple(map(float, spacing)), tuple(map(int, ct.shape)), size, drawn)


def dataset_fingerprint(cases: Sequence[CaseFingerprint]) -> dict[str, Any]:
    """The fingerprint of a dataset with one channel, the CT: what ``dataset_fingerprint.json`` would hold.

    Raises
    ------
    BadInput
        If no case has foreground.
    """
    intensities = np.concatenate([case.intensities for case in cases]) if cases else np.empty(0)
    if not len(intensities):
        raise BadInput(
            f"no voxel of {len(cases)} training cases has a label above 0",
            "Check the label files that the catalog names, and that the region covers the organ.",
        )
    return {
        "spacings": [list(case.spacing) for case in cases],
        "shapes_after_crop": [list(case.shape) for case in cases],
        "foreground_intensity_properties_per_channel": {"0": _statistics(intensities)},
        "median_relative_size_after_cropping": float(np.median([case.relative_size for case in cases])),
    }


def _statistics(values: np.ndarray) -> dict[str, float]:
    found = {name: float(np.percentile(values, rank)) for name, rank in PERCENTILES.items()}
    return {
        "max": float(values.max()),
        "mean": float(values.mean()),
        "median": found["median"],
        "min": float(values.min()),
        "percentile_00_5": found["percentile_00_5"],
        "percentile_99_5": found["percentile_99_5"],
        "std": float(values.std()),
    }
