"""PyRadiomics' feature classes, computed by our kernels.

Each is the library's class with `_calculateFeatures` replaced: ``enableFeatureByName``, ``execute``,
``featureValues`` and the texture matrices (after ``_initCalculation``) are as in PyRadiomics.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics import base, firstorder, glcm, gldm, glrlm, glszm, ngtdm, shape, shape2D

from radstore.errors import RadstoreError
from radstore.graph import BINNED_FIRST_ORDER
from radstore.texture import shape as shapes
from radstore.texture.names import FEATURES
from radstore.texture.windows import NORMS, Windows

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

AXES = frozenset({"Elongation", "MajorAxisLength", "MinorAxisLength"})


class OurClass(base.RadiomicsFeaturesBase):  # type: ignore[misc]  # the library has no types
    """A class of PyRadiomics whose features we compute; it logs under the name of the library's module."""

    family: ClassVar[str]
    settings: dict[str, Any]
    enabledFeatures: dict[str, bool]

    @property
    def logger(self) -> logging.Logger:
        """The library's logger of this class, so that its handlers and `setVerbosity` hold."""
        return logging.getLogger(f"radiomics.{self.family}")

    @logger.setter
    def logger(self, _: logging.Logger) -> None:
        """The library sets one that is named after the module."""

    def _compute(self, wanted: list[str], voxels: np.ndarray | None) -> Mapping[str, Any]:
        """Feature → its value: one number, or float64 [voxel] for `voxels` [axis, voxel]."""
        raise TypeError(f"{type(self).__name__} computes nothing: use one of {', '.join(CLASSES)}")

    def _calculateFeatures(
        self, voxelCoordinates: np.ndarray | None = None
    ) -> Iterator[tuple[bool, str, np.ndarray]]:
        wanted = [name for name, enabled in self.enabledFeatures.items() if enabled]
        values = self._compute(self._ours(wanted), voxelCoordinates)
        for name in wanted:
            if name in values:
                yield True, name, values[name]
            else:
                yield from self._by_library(name, voxelCoordinates)

    def _ours(self, wanted: Iterable[str]) -> list[str]:
        """Those of the features that we compute."""
        ours = FEATURES[self.family]
        return [name for name in wanted if name in ours and ours[name].status != "withdrawn"]

    def _by_library(self, name: str, voxels: np.ndarray | None) -> Iterator[tuple[bool, str, np.ndarray]]:
        """A feature that we leave to PyRadiomics: withdrawn (a message, no value), or added to its class."""
        enabled, self.enabledFeatures = self.enabledFeatures, {name: True}
        try:
            yield from super()._calculateFeatures(voxels)
        finally:
            self.enabledFeatures = enabled

    def _volume(self, image: sitk.Image) -> np.ndarray:
        """An image's array [z, y, x]; one of two dimensions is a volume of one slice."""
        array = sitk.GetArrayFromImage(image)
        return array if array.ndim == 3 else array[None]

    def _spacing(self) -> tuple[float, float, float]:
        x, y, z = (*self.inputImage.GetSpacing(), 1.0)[:3]
        return x, y, z


class TextureClass(OurClass):
    """What the six texture classes share. Where PyRadiomics' maps depend on how voxels are batched, ours are
    what each voxel gives alone.
    """

    _binned: ClassVar[str] = "imageArray"  # the attribute that holds the library's discretised image

    def _compute(self, wanted: list[str], voxels: np.ndarray | None) -> Mapping[str, np.ndarray]:
        missing = 3 - self.inputImage.GetDimension()
        mask = self._volume(self.inputMask) == self.label
        centres = None if voxels is None else np.pad(voxels.T, ((0, 0), (missing, 0)))
        threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        windows = Windows(self._volume(self.inputImage), mask, self._spacing(), centres)
        settings = self._effective(missing)
        found = windows.features(self.family, wanted, settings, threads)
        binned = [name for name in wanted if self.family != "firstorder" or name in BINNED_FIRST_ORDER]
        if binned and windows.levels(settings) == 1:
            self.logger.warning("one grey level in the region, choose finer bins: %s", ", ".join(binned))
        return found

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

    def _calculateVoxels(self) -> None:
        if len(self._ours(self.enabledFeatures)) == len(self.enabledFeatures):
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


class ShapeClass(OurClass):
    """What the two shape classes share."""

    scalars: ClassVar[
        frozenset[str]
    ]  # features that PyRadiomics gives as NumPy scalars, the others as arrays
    eigenValues: np.ndarray

    def _compute(self, wanted: list[str], voxels: np.ndarray | None) -> dict[str, Any]:
        mask, settings = self._volume(self.inputMask) == self.label, self.settings
        if not _is_cut(
            mask
        ):  # where its mesh has holes, PyRadiomics' volume depends on where the region lies
            return {}
        if self.inputMask.GetDimension() == 2:
            settings = {**settings, "force2D": True, "force2Ddimension": 0}
        try:
            values = shapes.features(mask, self._spacing(), wanted, self.family, settings)
        except RadstoreError as error:
            raise ValueError(str(error)) from error  # what PyRadiomics' users expect
        return {name: np.float64(v) if name in self.scalars else np.array(v) for name, v in values.items()}

    def _initSegmentBasedCalculation(self) -> None:
        """Nothing yet: `_compute` needs the mask alone."""

    def __getattr__(self, name: str) -> Any:
        """PyRadiomics' own measures (``Volume``, ``eigenValues`` …), for those who read them."""
        if name.startswith("_") or "eigenValues" in vars(self) or "inputImage" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super()._initSegmentBasedCalculation()
        self.eigenValues = np.real(self.eigenValues)  # numpy ≥ 2.5 gives complex ones of real matrices
        return getattr(self, name)


class RadiomicsShape(ShapeClass, shape.RadiomicsShape):  # type: ignore[misc]
    """Shape in space: `radiomics.shape.RadiomicsShape`, computed by ours."""

    family = "shape"
    scalars = AXES | {"Compactness1", "Flatness", "LeastAxisLength", "VoxelVolume"}


class RadiomicsShape2D(ShapeClass, shape2D.RadiomicsShape2D):  # type: ignore[misc]
    """Shape in a plane: `radiomics.shape2D.RadiomicsShape2D`, computed by ours."""

    family = "shape2D"
    scalars = AXES | {"PixelSurface", "Sphericity", "SphericalDisproportion"}


def _is_cut(mask: np.ndarray) -> bool:
    """Whether a grid is the region's box, as PyRadiomics' extractor cuts it."""
    return all(mask.take(end, axis).any() for axis in range(mask.ndim) for end in (0, -1))


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
