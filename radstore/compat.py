"""A drop-in for PyRadiomics: the same extractor, the same keys and types, our kernels.

>>> from radstore.compat import RadiomicsFeatureExtractor        # instead of radiomics.featureextractor
>>> extractor = RadiomicsFeatureExtractor("params.yaml")         # doctest: +SKIP
>>> features = extractor.execute("ct.nii.gz", "mask.nii.gz")     # doctest: +SKIP

It is PyRadiomics' own class with one method replaced, so parameter files, settings, diagnostics, order of
work and the order of the results are the library's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics import getFeatureClasses
from radiomics.featureextractor import RadiomicsFeatureExtractor as _Reference

from radstore.texture.windows import FAMILIES, Windows

# Settings that PyRadiomics' feature classes read with a default of their own (``kwargs.get(name, default)``).
DEFAULTS: Mapping[str, Any] = {
    "binWidth": 25,
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "distances": [1],
    "voxelArrayShift": 0,
    "force2D": False,
    "force2Ddimension": 0,
    "maskedKernel": True,
    "kernelRadius": 1,
}


class RadiomicsFeatureExtractor(_Reference):  # type: ignore[misc]  # the library has no types
    """`radiomics.featureextractor.RadiomicsFeatureExtractor`, its texture computed by our kernels.

    Constructor, attributes and methods are PyRadiomics'. Where PyRadiomics' result depends on how voxels are
    batched, ours is what each voxel gives alone.
    """

    def computeFeatures(  # noqa: N802
        self, image: sitk.Image, mask: sitk.Image, imageTypeName: str, **kwargs: Any
    ) -> OrderedDict[str, Any]:
        """The features of one filtered image: arrays of no dimensions, or in voxel mode images."""
        found: OrderedDict[str, Any] = OrderedDict()
        for family, names in self.enabledFeatures.items():
            if family in FAMILIES:
                wanted = _wanted(family, names)
                for name, value in _compute(family, wanted, image, mask, kwargs).items():
                    found[f"{imageTypeName}_{family}_{name}"] = value
        return found


def _wanted(family: str, names: Sequence[str] | None) -> list[str]:
    """The features of a class that are enabled; all that are not deprecated where none is named.

    Raises
    ------
    LookupError
        As PyRadiomics, for a feature that does not exist.
    """
    known = getFeatureClasses()[family].getFeatureNames()  # name → deprecated
    for name in names or ():
        if name not in known:
            raise LookupError(f"Feature not found: {name}")
    return list(names) if names else [name for name, deprecated in known.items() if not deprecated]


def _compute(
    family: str, wanted: Sequence[str], image: sitk.Image, mask: sitk.Image, settings: Mapping[str, Any]
) -> dict[str, Any]:
    effective = {**DEFAULTS, **settings}
    if effective.get("binCount") is not None:
        del effective["binWidth"]
    voxel_based = bool(effective.get("voxelBased", False))
    if not voxel_based:
        effective.update(kernelRadius=0, maskedKernel=True)
    array, inside = (_three_d(sitk.GetArrayFromImage(i)) for i in (image, mask))
    inside = inside == effective.get("label", 1)
    spacing = (*image.GetSpacing(), 1.0)[:3]
    centres = np.argwhere(inside) if voxel_based else None
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    values = Windows(array, inside, spacing, centres).features(family, wanted, effective, threads)
    if not voxel_based:
        return {name: np.squeeze(value) for name, value in values.items()}
    fill = effective.get("initValue", 0)
    return {name: _image(value, inside, image, fill) for name, value in values.items()}


def _three_d(array: np.ndarray) -> np.ndarray:
    return array if array.ndim == 3 else array[None]


def _image(values: np.ndarray, inside: np.ndarray, like: sitk.Image, fill: float) -> sitk.Image:
    """A map as PyRadiomics gives it: on the crop's grid, `fill` outside the region."""
    array = np.full(inside.shape, fill, dtype=float)
    array[inside] = values
    made = sitk.GetImageFromArray(array.reshape(like.GetSize()[::-1]))
    made.CopyInformation(like)
    return made
