"""PyRadiomics' feature classes, computed by our kernels.

Each is the library's class with `_calculateFeatures` replaced: ``enableFeatureByName``, ``execute``,
``featureValues`` and the texture matrices (after ``_initCalculation``) are as in PyRadiomics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics import base, firstorder, glcm, gldm, glrlm, glszm, ngtdm, shape, shape2D

from radstore.texture.windows import NORMS, ORDER, Windows

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


class TextureClass(base.RadiomicsFeaturesBase):  # type: ignore[misc]  # the library has no types
    """What the six texture classes share. Where PyRadiomics' maps depend on how voxels are batched, ours are
    what each voxel gives alone.
    """

    family: ClassVar[str]
    settings: dict[str, Any]
    _binned: ClassVar[str] = "imageArray"  # the attribute that holds the library's discretised image

    def _calculateFeatures(
        self, voxelCoordinates: np.ndarray | None = None
    ) -> Iterator[tuple[bool, str, Any]]:
        wanted = [name for name, enabled in self.enabledFeatures.items() if enabled]
        values = self._compute([name for name in wanted if name in ORDER[self.family]], voxelCoordinates)
        for name in wanted:
            if name in values:
                yield True, name, values[name]
            else:
                self._say_deprecated(name)

    def _compute(self, wanted: list[str], voxels: np.ndarray | None) -> Mapping[str, np.ndarray]:
        """Feature → its value in each window, float64 [window]; the whole region is one without `voxels`."""
        image, mask = (sitk.GetArrayFromImage(i) for i in (self.inputImage, self.inputMask))
        missing = 3 - image.ndim  # a 2-D image is a volume of one slice
        image, mask = (array.reshape((1,) * missing + array.shape) for array in (image, mask))
        spacing = (*self.inputImage.GetSpacing(), 1.0)[:3]
        centres = None if voxels is None else np.pad(voxels.T, ((0, 0), (missing, 0)))
        threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        return Windows(image, mask == self.label, spacing, centres).features(
            self.family, wanted, self._effective(missing), threads
        )

    def _effective(self, missing: int) -> dict[str, Any]:
        """The settings, the library's defaults filled in; axes count from the first of three."""
        settings = {**DEFAULTS, **self.settings}
        if settings.get("binCount") is not None:
            del settings["binWidth"]
        if not self.voxelBased:
            settings.update(kernelRadius=0, maskedKernel=True)
        settings["force2Ddimension"] += missing
        if settings["weightingNorm"] not in (None, *NORMS):
            self.logger.warning('weighting norm "%s" is unknown, W is set to 1', settings["weightingNorm"])
            settings["weightingNorm"] = "no_weighting"
        return settings

    def _say_deprecated(self, name: str) -> None:
        """As the library does with a feature that it no longer computes: a debug message and no value."""
        try:
            getattr(self, f"get{name}FeatureValue")()
        except DeprecationWarning as told:
            self.logger.debug("Feature %s is deprecated: %s", name, told)

    def _calculateVoxels(self) -> None:
        self.settings = {**self.settings, "voxelBatch": -1}  # ours need no memory that batches would save
        super()._calculateVoxels()

    def _applyBinning(self, matrix: np.ndarray) -> np.ndarray:
        """Nothing yet: our kernels discretise for themselves; see `_initCalculation`."""
        return matrix

    def _initCalculation(self, voxelCoordinates: np.ndarray | None = None) -> None:
        """PyRadiomics' own matrices and coefficients (``P_glcm`` …), for those who read them."""
        if "Ng" not in self.coefficients:
            setattr(self, self._binned, super()._applyBinning(getattr(self, self._binned)))
        super()._initCalculation(voxelCoordinates)


class RadiomicsFirstOrder(TextureClass, firstorder.RadiomicsFirstOrder):  # type: ignore[misc]
    """First-order statistics: `radiomics.firstorder.RadiomicsFirstOrder`, computed by our kernels."""

    family = "firstorder"
    _binned = "discretizedImageArray"


class RadiomicsGLCM(TextureClass, glcm.RadiomicsGLCM):  # type: ignore[misc]
    """Grey level co-occurrence: `radiomics.glcm.RadiomicsGLCM`, computed by our kernels."""

    family = "glcm"


class RadiomicsGLRLM(TextureClass, glrlm.RadiomicsGLRLM):  # type: ignore[misc]
    """Grey level run lengths: `radiomics.glrlm.RadiomicsGLRLM`, computed by our kernels."""

    family = "glrlm"


class RadiomicsGLSZM(TextureClass, glszm.RadiomicsGLSZM):  # type: ignore[misc]
    """Grey level size zones: `radiomics.glszm.RadiomicsGLSZM`, computed by our kernels."""

    family = "glszm"


class RadiomicsGLDM(TextureClass, gldm.RadiomicsGLDM):  # type: ignore[misc]
    """Grey level dependence: `radiomics.gldm.RadiomicsGLDM`, computed by our kernels."""

    family = "gldm"


class RadiomicsNGTDM(TextureClass, ngtdm.RadiomicsNGTDM):  # type: ignore[misc]
    """Neighbouring grey tone differences: `radiomics.ngtdm.RadiomicsNGTDM`, computed by our kernels."""

    family = "ngtdm"


class _RealAxes(base.RadiomicsFeaturesBase):  # type: ignore[misc]
    """Principal axes from real eigenvalues: numpy ≥ 2.5 gives complex ones of real matrices."""

    eigenValues: np.ndarray

    def _initSegmentBasedCalculation(self) -> None:
        super()._initSegmentBasedCalculation()
        self.eigenValues = np.real(self.eigenValues)


class RadiomicsShape(_RealAxes, shape.RadiomicsShape):  # type: ignore[misc]
    """Shape in space: `radiomics.shape.RadiomicsShape`."""


class RadiomicsShape2D(_RealAxes, shape2D.RadiomicsShape2D):  # type: ignore[misc]
    """Shape in a plane: `radiomics.shape2D.RadiomicsShape2D`."""


# The module of PyRadiomics that has the class → ours.
CLASSES: Mapping[str, type] = {
    "firstorder": RadiomicsFirstOrder,
    "glcm": RadiomicsGLCM,
    "gldm": RadiomicsGLDM,
    "glrlm": RadiomicsGLRLM,
    "glszm": RadiomicsGLSZM,
    "ngtdm": RadiomicsNGTDM,
    "shape": RadiomicsShape,
    "shape2D": RadiomicsShape2D,
}


def getFeatureClasses() -> dict[str, Any]:
    """PyRadiomics' feature classes by name, ours in place of its own."""
    return {**radiomics.getFeatureClasses(), **CLASSES}
