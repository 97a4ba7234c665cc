"""`Settings`: every setting there is, with its type, range, default and meaning, in one table.

Names and defaults are PyRadiomics' own (its documentation, its schema and its code); ``ibsi``, ``boundary``,
``rotationInvariant``, ``windowLevel`` and ``windowWidth`` are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, Self, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from radstore.spec import types as t

Stage = Literal[
    "spec",
    "reading",
    "image",
    "region",
    "filter",
    "LoG",
    "Wavelet",
    "Gradient",
    "LBP2D",
    "LBP3D",
    "feature",
    "voxel",
]
"""Where a setting acts; from ``filter`` (several of them) to ``LBP3D`` are the filters that have settings."""

IBSI_DEFAULTS: Mapping[str, Any] = {"weightingNorm": "no_weighting"}
"""What ``ibsi: true`` sets where the file says nothing: one matrix of all directions (merged aggregation)."""

IBSI_ONLY = ("boundary", "rotationInvariant")
"""Settings of IBSI's filters: without ``ibsi: true`` they change nothing."""

IBSI_INTERPOLATORS = ("sitkNearestNeighbor", "sitkLinear", "sitkBSpline")
"""Those that IBSI knows: nearest, trilinear, tricubic spline."""

BOUNDED = ("LoG", "Wavelet")
"""The filters that read beyond the image's edge as ``boundary`` says."""

UNHASHED: Mapping[str, str] = {
    "label": "says which voxels: enters through the mask's digest",
    "label_channel": "says which voxels: enters through the mask's digest",
    "correctMask": "puts the mask on the image's grid before its digest is taken",
    "geometryTolerance": "decides whether a case is refused, never a value",
    "additionalInfo": "adds diagnostics, no feature",
    "initValue": "maps are NaN outside the region, whatever it says",
    "voxelBatch": "takes memory, changes no value",
    "sigma": "stands in the features' names",
    "level": "stands in the features' names",
    "lbp3DLevels": "stands in the features' names",
}
"""The settings that are not part of a spec's document and hash, and why."""


def _set(stage: Stage, default: Any, meaning: str) -> Any:
    return Field(default, description=meaning, json_schema_extra={"stage": stage})


class Clash(ValueError):
    """Two settings that cannot stand together: the one to name, what is wrong, and what to do."""

    def __init__(self, setting: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.setting = setting
        self.remedy = remedy


class Settings(BaseModel):
    """How numbers are computed. Frozen and hashable; lists are tuples.

    Raises
    ------
    pydantic.ValidationError
        For an unknown name, a wrong type or a value out of range. `load_spec` turns it into a `SpecError`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    ibsi: bool = _set("spec", False, "IBSI's definitions instead of PyRadiomics', see docs/ibsi.md")

    label: t.Count = _set("reading", 1, "value of the region's voxels in the mask, where no region is named")
    label_channel: t.Index = _set("reading", 0, "which component of a mask with several per voxel")
    geometryTolerance: t.Positive | None = _set(
        "reading", None, "by how much image and mask may differ in geometry; null: ITK's own 1e-6"
    )
    correctMask: bool = _set("reading", False, "resample a mask that lies on another grid to the image's")
    additionalInfo: bool = _set(
        "reading", True, "PyRadiomics' diagnostics_ columns; here they are provenance"
    )

    windowLevel: t.Number | None = _set(
        "image", None, "centre of the window that values are clipped to first"
    )
    windowWidth: t.Positive | None = _set("image", None, "width of that window; null: no clipping")
    normalize: bool = _set("image", False, "centre the whole image at its mean, divide by its deviation")
    normalizeScale: t.Positive = _set("image", 1.0, "what a normalised image is multiplied by")
    removeOutliers: t.Positive | None = _set(
        "image", None, "clip a normalised image at ± this many deviations"
    )
    resampledPixelSpacing: t.Spacings | None = _set("image", None, "new spacing in mm; null: no resampling")
    interpolator: t.Interpolator | None = _set("image", "sitkBSpline", "for the image; masks use the nearest")
    padDistance: t.Index = _set("image", 5, "voxels kept around the region by resampling and by preCrop")
    preCrop: bool = _set("image", False, "crop to the region and padDistance before filtering")

    minimumROIDimensions: t.Dimensions = _set("region", 2, "in how many dimensions a region must extend")
    minimumROISize: t.Count | None = _set("region", None, "a region must have more voxels than this")
    resegmentRange: t.Thresholds | None = _set("region", None, "keep only voxels with values in this range")
    resegmentMode: t.ResegmentMode = _set(
        "region", "absolute", "what the range is in: values, shares of the maximum, or deviations"
    )
    resegmentShape: bool = _set("region", False, "let shape features see the resegmented region")

    boundary: t.Boundary = _set(
        "filter", "mirror", "with ibsi: what LoG and wavelets see beyond the image's edge"
    )
    sigma: t.Sigmas = _set("LoG", (), "widths of the Gaussian in mm; one image each")
    wavelet: t.Wavelet = _set("Wavelet", "coif1", "which wavelet, by PyWavelets' name")
    start_level: t.Index = _set("Wavelet", 0, "decompositions before the first one used")
    level: t.Count = _set("Wavelet", 1, "how many decompositions are used")
    rotationInvariant: bool = _set("Wavelet", False, "with ibsi: the mean over all right-angle rotations")
    gradientUseSpacing: bool = _set("Gradient", True, "gradient per mm rather than per voxel")
    lbp2DRadius: t.Positive = _set("LBP2D", 1.0, "distance of the sampled neighbours, in voxels")
    lbp2DSamples: t.Count = _set("LBP2D", 8, "number of sampled neighbours")
    lbp2DMethod: t.LBPMethod = _set(
        "LBP2D", "uniform", "scikit-image's method; uniform gives 0 to samples + 1"
    )
    lbp3DLevels: t.Count = _set("LBP3D", 2, "how many spherical harmonics; one map each")
    lbp3DIcosphereRadius: t.Positive = _set("LBP3D", 1.0, "distance of the sampled neighbours, in voxels")
    lbp3DIcosphereSubdivision: t.Index = _set("LBP3D", 1, "fineness of the sphere of neighbours")

    force2D: bool = _set("feature", False, "neighbours in one plane only (also for the wavelet transform)")
    force2Ddimension: t.Axis = _set("feature", 0, "the axis out of that plane, and out of LBP2D's slices")
    binWidth: t.Positive = _set("feature", 25.0, "width of a grey level")
    binCount: t.Count | None = _set(
        "feature", None, "number of grey levels; where given, binWidth is not used"
    )
    voxelArrayShift: t.Whole = _set(
        "feature", 0, "added to values in Energy, TotalEnergy and RootMeanSquared"
    )
    distances: t.Distances = _set(
        "feature", (1,), "distances of neighbours for glcm, gldm and ngtdm, in voxels"
    )
    symmetricalGLCM: bool = _set("feature", True, "count each glcm pair in both directions")
    weightingNorm: t.WeightingNorm | None = _set(
        "feature", None, "norm by which glcm and glrlm directions are weighted and merged; null: averaged"
    )
    gldm_a: t.Index = _set("feature", 0, "largest grey level difference that counts as dependence")

    kernelRadius: t.Count = _set("voxel", 1, "radius of a map's window, in voxels")
    maskedKernel: bool = _set("voxel", True, "only voxels of the region count in a window")
    initValue: t.NumberOrNaN = _set("voxel", 0.0, "PyRadiomics' value outside the region; here it is NaN")
    voxelBatch: t.Batch = _set("voxel", -1, "windows that PyRadiomics computes at once")

    @model_validator(mode="before")
    @classmethod
    def _ibsi_defaults(cls, values: Any) -> Any:
        return {**IBSI_DEFAULTS, **values} if values.get("ibsi") is True else values

    @model_validator(mode="after")
    def _whole_window(self) -> Self:
        if (self.windowLevel is None) != (self.windowWidth is None):
            raise Clash(
                "windowLevel" if self.windowWidth is None else "windowWidth",
                "windowLevel and windowWidth go together",
                "Give both, in HU, for example windowLevel: 40 and windowWidth: 400.",
            )
        return self

    @model_validator(mode="after")
    def _what_ibsi_knows(self) -> Self:
        if self.ibsi and self.resamples and self.interpolator not in IBSI_INTERPOLATORS:
            known = ", ".join(IBSI_INTERPOLATORS)
            raise Clash(
                "interpolator", f"IBSI has no interpolator {self.interpolator}", f"With ibsi: true: {known}."
            )
        if self.ibsi and not self.maskedKernel:
            raise Clash(
                "maskedKernel",
                "maskedKernel is false, but IBSI has no grey levels outside the region",
                "Leave it out, or set ibsi: false.",
            )
        return self

    @property
    def resamples(self) -> bool:
        """Whether the image is resampled: a spacing is given, and an interpolator."""
        return self.interpolator is not None and self.resampledPixelSpacing is not None

    def _identity(self) -> tuple[Any, ...]:
        # NaN (initValue) equals nothing, not even itself in another process
        return tuple(None if value != value else value for value in self.__dict__.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


TYPES: Mapping[str, Any] = {
    name: kind
    for name, kind in get_type_hints(Settings, include_extras=True).items()
    if name != "model_config"
}
"""Setting → its type, as annotated."""

STAGES: Mapping[str, Stage] = {
    name: field.json_schema_extra["stage"]  # type: ignore[index,misc]
    for name, field in Settings.model_fields.items()
}
"""Setting → where it acts."""


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(TYPES[name], config=ConfigDict(strict=True))


def validated(name: str, value: Any) -> Any:
    """One setting's value as `Settings` would hold it; raises `pydantic.ValidationError` where it cannot."""
    return _adapter(name).validate_python(value)


def section(name: str) -> str:
    """The key of a parameter file under which a setting stands: ``setting`` or ``voxelSetting``.

    Empty for what is a key of the file itself: ``ibsi``.
    """
    return {"voxel": "voxelSetting", "spec": ""}.get(STAGES[name], "setting")


def acts_in(name: str, image_type: str) -> bool:
    """Whether a setting changes anything when it is given for one image type alone."""
    return STAGES[name] in (image_type, "feature") or (STAGES[name] == "filter" and image_type in BOUNDED)


def describe() -> Iterator[tuple[str, str, Any, str]]:
    """Every setting: its name, what it takes, its default and its meaning, in the order of the table."""
    for name, field in Settings.model_fields.items():
        yield name, t.takes(TYPES[name]), field.default, field.description or ""
