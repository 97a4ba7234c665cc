"""What makes a CT an unlikely one. It is predicted all the same: whoever reads the prediction is told."""

from __future__ import annotations

from fusion.regions.fallback import patient_axes
from radstore.images.volume import Volume


def doubts(ct: Volume) -> tuple[str, ...]:
    """Why an image may be no CT as networks know them; in a body there is always fat, below 0 HU."""
    low, high = float(ct.array.min()), float(ct.array.max())
    told = []
    if low == high:
        told.append(f"every voxel of the CT is {low:g}")
    elif low >= 0:
        told.append(f"no voxel of the CT is below 0 (the lowest is {low:g}): it is hardly in HU")
    if patient_axes(ct.geometry)[0] != [0, 1, 2]:
        told.append("the CT is not stored in axial slices: networks that learnt from such may be lost in it")
    return tuple(told)
