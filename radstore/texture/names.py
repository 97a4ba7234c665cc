"""The names: every feature class, feature and filter there is, with one line on each.

The one list of PyRadiomics' names; those of our own stand in the kernels' headers. The spec checks against
it, ``radstore features`` prints it, and the features of a class stand in the order in which PyRadiomics
computes "all of them". Formulas: Zwanenburg et al., *The image biomarker standardisation initiative*, 2016
(arXiv:1612.07003), where the names agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from radstore.texture.order import OWN

Status = Literal["default", "named", "withdrawn", "own"]


@dataclass(frozen=True)
class FeatureName:
    """One feature of one class.

    Parameters
    ----------
    family, name
        E.g. ``glcm`` and ``Imc1``.
    meaning
        What it is, in one line.
    status
        ``default``: one of "all features of the class"; ``named``: deprecated, computed when named;
        ``withdrawn``: deprecated, and PyRadiomics gives no value for it any more; ``own``: one that
        PyRadiomics has not, computed when named.
    instead
        For a deprecated feature: what holds the same information.
    """

    family: str
    name: str
    meaning: str
    status: Status = "default"
    instead: str = ""


@dataclass(frozen=True)
class Filter:
    """One image type: how its images are named, and what they are."""

    name: str
    pattern: str
    meaning: str


FAMILY_MEANINGS: Mapping[str, str] = {
    "firstorder": "distribution of the values in the region, wherever they lie",
    "glcm": "grey level co-occurrence matrix: pairs of neighbouring grey levels",
    "gldm": "grey level dependence matrix: how many neighbours have (nearly) a voxel's grey level",
    "glrlm": "grey level run length matrix: how long one grey level lasts along a line",
    "glszm": "grey level size zone matrix: sizes of connected zones of one grey level",
    "ngtdm": "neighbouring grey tone difference matrix: a voxel against the mean of its neighbours",
    "shape": "geometry of the region in 3-D; reads the mask alone, so there is no map of it",
    "shape2D": "geometry of a single-slice region; needs force2D",
}

_DEFAULT: Mapping[str, Mapping[str, str]] = {
    "firstorder": {
        "10Percentile": "10th percentile of the values",
        "90Percentile": "90th percentile of the values",
        "Energy": "sum of squared values (shifted by voxelArrayShift); grows with the region",
        "Entropy": "entropy of the grey levels, in bits",
        "InterquartileRange": "75th less 25th percentile",
        "Kurtosis": "fourth standardised moment; 3 for a normal distribution",
        "Maximum": "largest value",
        "MeanAbsoluteDeviation": "mean distance from the mean",
        "Mean": "mean value",
        "Median": "median value",
        "Minimum": "smallest value",
        "Range": "largest less smallest value",
        "RobustMeanAbsoluteDeviation": "mean distance from the mean, of the values between P10 and P90",
        "RootMeanSquared": "root of the mean squared value (shifted by voxelArrayShift)",
        "Skewness": "third standardised moment; 0 for a symmetric distribution",
        "TotalEnergy": "Energy times the volume of a voxel in mm³",
        "Uniformity": "sum of squared grey-level probabilities",
        "Variance": "mean squared distance from the mean",
    },
    "glcm": {
        "Autocorrelation": "mean of i·j: how coarse and bright the texture is",
        "ClusterProminence": "fourth power of (i + j − 2μ): peaked or skewed co-occurrence",
        "ClusterShade": "third power of (i + j − 2μ): skewness of co-occurrence, signed",
        "ClusterTendency": "second power of (i + j − 2μ): groups of similar grey levels",
        "Contrast": "mean of (i − j)²: local variation",
        "Correlation": "linear correlation of neighbouring grey levels; 1 where flat",
        "DifferenceAverage": "mean of |i − j|",
        "DifferenceEntropy": "entropy of |i − j|, in bits",
        "DifferenceVariance": "variance of |i − j|",
        "Id": "inverse difference: mean of 1/(1 + |i − j|)",
        "Idm": "inverse difference moment: mean of 1/(1 + (i − j)²)",
        "Idmn": "Idm with (i − j)² divided by Ng²",
        "Idn": "Id with |i − j| divided by Ng",
        "Imc1": "information measure of correlation 1: mutual information over entropy, negative",
        "Imc2": "information measure of correlation 2: √(1 − exp(−2·mutual information))",
        "InverseVariance": "mean of 1/(i − j)² over unequal pairs",
        "JointAverage": "mean grey level of the pairs",
        "JointEnergy": "sum of squared pair probabilities (angular second moment)",
        "JointEntropy": "entropy of the pairs, in bits",
        "MCC": "maximal correlation coefficient: root of the second eigenvalue of Q",
        "MaximumProbability": "probability of the commonest pair",
        "SumAverage": "mean of i + j; twice JointAverage on a symmetric matrix",
        "SumEntropy": "entropy of i + j, in bits",
        "SumSquares": "variance of the grey level of the pairs",
    },
    "gldm": {
        "DependenceEntropy": "entropy of grey level and dependence, in bits",
        "DependenceNonUniformity": "unevenness of dependence counts",
        "DependenceNonUniformityNormalized": "the same, per voxel",
        "DependenceVariance": "variance of the dependence count",
        "GrayLevelNonUniformity": "unevenness of grey levels",
        "GrayLevelVariance": "variance of the grey level",
        "HighGrayLevelEmphasis": "weight of high grey levels",
        "LargeDependenceEmphasis": "weight of large dependence: homogeneous texture",
        "LargeDependenceHighGrayLevelEmphasis": "large dependence at high grey levels",
        "LargeDependenceLowGrayLevelEmphasis": "large dependence at low grey levels",
        "LowGrayLevelEmphasis": "weight of low grey levels",
        "SmallDependenceEmphasis": "weight of small dependence: heterogeneous texture",
        "SmallDependenceHighGrayLevelEmphasis": "small dependence at high grey levels",
        "SmallDependenceLowGrayLevelEmphasis": "small dependence at low grey levels",
    },
    "glrlm": {
        "GrayLevelNonUniformity": "unevenness of the grey levels of runs",
        "GrayLevelNonUniformityNormalized": "the same, per run",
        "GrayLevelVariance": "variance of the grey level of runs",
        "HighGrayLevelRunEmphasis": "weight of high grey levels",
        "LongRunEmphasis": "weight of long runs: coarse texture",
        "LongRunHighGrayLevelEmphasis": "long runs at high grey levels",
        "LongRunLowGrayLevelEmphasis": "long runs at low grey levels",
        "LowGrayLevelRunEmphasis": "weight of low grey levels",
        "RunEntropy": "entropy of grey level and run length, in bits",
        "RunLengthNonUniformity": "unevenness of run lengths",
        "RunLengthNonUniformityNormalized": "the same, per run",
        "RunPercentage": "runs per voxel: fineness of the texture",
        "RunVariance": "variance of the run length",
        "ShortRunEmphasis": "weight of short runs: fine texture",
        "ShortRunHighGrayLevelEmphasis": "short runs at high grey levels",
        "ShortRunLowGrayLevelEmphasis": "short runs at low grey levels",
    },
    "glszm": {
        "GrayLevelNonUniformity": "unevenness of the grey levels of zones",
        "GrayLevelNonUniformityNormalized": "the same, per zone",
        "GrayLevelVariance": "variance of the grey level of zones",
        "HighGrayLevelZoneEmphasis": "weight of high grey levels",
        "LargeAreaEmphasis": "weight of large zones: coarse texture",
        "LargeAreaHighGrayLevelEmphasis": "large zones at high grey levels",
        "LargeAreaLowGrayLevelEmphasis": "large zones at low grey levels",
        "LowGrayLevelZoneEmphasis": "weight of low grey levels",
        "SizeZoneNonUniformity": "unevenness of zone sizes",
        "SizeZoneNonUniformityNormalized": "the same, per zone",
        "SmallAreaEmphasis": "weight of small zones: fine texture",
        "SmallAreaHighGrayLevelEmphasis": "small zones at high grey levels",
        "SmallAreaLowGrayLevelEmphasis": "small zones at low grey levels",
        "ZoneEntropy": "entropy of grey level and zone size, in bits",
        "ZonePercentage": "zones per voxel: fineness of the texture",
        "ZoneVariance": "variance of the zone size",
    },
    "ngtdm": {
        "Busyness": "how fast grey levels change from a voxel to its neighbours",
        "Coarseness": "inverse of the mean difference to the neighbours; 1e6 where flat",
        "Complexity": "many and rapid changes of grey level",
        "Contrast": "dynamic range times local variation",
        "Strength": "distinct and visible primitives: slow change between widely spaced grey levels",
    },
    "shape": {
        "Elongation": "√(λ2/λ1): 1 for a circular cross-section, 0 for a line",
        "Flatness": "√(λ3/λ1): 1 for a sphere, 0 for a flat region",
        "LeastAxisLength": "4√λ3: the shortest axis of the enclosing ellipsoid, in mm",
        "MajorAxisLength": "4√λ1: the longest axis of the enclosing ellipsoid, in mm",
        "Maximum2DDiameterColumn": "largest distance between mesh vertices in one coronal plane, in mm",
        "Maximum2DDiameterRow": "largest distance between mesh vertices in one sagittal plane, in mm",
        "Maximum2DDiameterSlice": "largest distance between mesh vertices in one axial plane, in mm",
        "Maximum3DDiameter": "largest distance between mesh vertices, in mm",
        "MeshVolume": "volume enclosed by the mesh, in mm³",
        "MinorAxisLength": "4√λ2: the second axis of the enclosing ellipsoid, in mm",
        "Sphericity": "surface of the sphere of equal volume over the region's; 1 for a sphere",
        "SurfaceArea": "area of the mesh, in mm²",
        "SurfaceVolumeRatio": "SurfaceArea over MeshVolume, in 1/mm",
        "VoxelVolume": "number of voxels times the volume of one, in mm³",
    },
    "shape2D": {
        "Elongation": "√(λ2/λ1): 1 for a circle, 0 for a line",
        "MajorAxisLength": "4√λ1: the longer axis of the enclosing ellipse, in mm",
        "MaximumDiameter": "largest distance between contour vertices, in mm",
        "MeshSurface": "area enclosed by the contour, in mm²",
        "MinorAxisLength": "4√λ2: the shorter axis of the enclosing ellipse, in mm",
        "Perimeter": "length of the contour, in mm",
        "PerimeterSurfaceRatio": "Perimeter over MeshSurface, in 1/mm",
        "PixelSurface": "number of pixels times the area of one, in mm²",
        "Sphericity": "perimeter of the circle of equal area over the region's; 1 for a circle",
    },
}

_NAMED = (
    ("firstorder", "StandardDeviation", "root of the Variance", "firstorder_Variance"),
    ("shape", "Compactness1", "volume over √(π·area³)", "shape_Sphericity"),
    ("shape", "Compactness2", "Sphericity cubed", "shape_Sphericity"),
    ("shape", "SphericalDisproportion", "inverse of Sphericity", "shape_Sphericity"),
    ("shape2D", "SphericalDisproportion", "inverse of Sphericity", "shape2D_Sphericity"),
)

_WITHDRAWN = (
    ("glcm", "Dissimilarity", "mean of |i − j|", "glcm_DifferenceAverage"),
    ("glcm", "Homogeneity1", "mean of 1/(1 + |i − j|)", "glcm_Id"),
    ("glcm", "Homogeneity2", "mean of 1/(1 + (i − j)²)", "glcm_Idm"),
    ("glcm", "SumVariance", "second power of (i + j − 2μ)", "glcm_ClusterTendency"),
    ("gldm", "DependencePercentage", "zones per voxel: always 1", ""),
    ("gldm", "GrayLevelNonUniformityNormalized", "as first order's Uniformity", "firstorder_Uniformity"),
)


def _registry() -> dict[str, dict[str, FeatureName]]:
    table = {
        family: {name: FeatureName(family, name, meaning) for name, meaning in features.items()}
        for family, features in _DEFAULT.items()
    }
    for family, name, meaning, instead in _NAMED:
        table[family][name] = FeatureName(family, name, meaning, "named", instead)
    for family, name, meaning, instead in _WITHDRAWN:
        table[family][name] = FeatureName(family, name, meaning, "withdrawn", instead)
    for family, features in OWN.items():
        for name, meaning in features.items():
            table[family][name] = FeatureName(family, name, meaning, "own")
    return table


FEATURES: Mapping[str, Mapping[str, FeatureName]] = _registry()
"""Feature class → feature → what it is; classes and default features in PyRadiomics' own order."""

FILTERS: Mapping[str, Filter] = {
    image_type: Filter(image_type, pattern, meaning)
    for image_type, pattern, meaning in (
        ("Original", "original", "the image itself, after pre-processing"),
        ("LoG", "log-sigma-<σ>-mm-3D", "Laplacian of Gaussian of width σ mm: blobs and edges of that size"),
        ("Wavelet", "wavelet<level>-<bands>", "stationary wavelet bands: L low, H high pass along x, y, z"),
        ("Square", "square", "squared values, scaled to the original range"),
        ("SquareRoot", "squareroot", "root of the absolute values, scaled and signed"),
        ("Logarithm", "logarithm", "logarithm of the absolute values + 1, scaled and signed"),
        ("Exponential", "exponential", "exponential of the values, scaled to the original range"),
        ("Gradient", "gradient", "magnitude of the gradient"),
        ("LBP2D", "lbp-2D", "local binary pattern, slice by slice: small integers, so use a small binWidth"),
        ("LBP3D", "lbp-3D-<map>", "rotation-invariant local binary pattern in 3-D: maps m1, m2, …, and k"),
    )
}
"""PyRadiomics' image types."""


def default_features(family: str) -> tuple[str, ...]:
    """What "all features" of a class means: PyRadiomics' but the deprecated ones, in its order."""
    return tuple(f.name for f in FEATURES[family].values() if f.status == "default")


def has_map(family: str) -> bool:
    """Whether a class has voxel-wise maps: all but the shape classes, which read no image."""
    return not family.startswith("shape")


def every_feature() -> Iterator[FeatureName]:
    """All features, class by class, the deprecated ones last in their class."""
    return chain.from_iterable(features.values() for features in FEATURES.values())


def describe() -> Iterator[tuple[str, str]]:
    """Name and one line for everything that can be asked for: feature classes, features, filters.

    Yields
    ------
    name
        ``glcm``, ``glcm_Imc1``, or an image name such as ``log-sigma-<σ>-mm-3D``.
    line
        What it is; for a deprecated feature also how it is treated and what to use instead.
    """
    for family, features in FEATURES.items():
        yield family, FAMILY_MEANINGS[family]
        for feature in features.values():
            yield f"{family}_{feature.name}", feature.meaning + _remark(feature)
    for image_type in FILTERS.values():
        yield image_type.pattern, f"{image_type.name}: {image_type.meaning}"


def _remark(feature: FeatureName) -> str:
    if feature.status == "default":
        return ""
    treated = "withdrawn" if feature.status == "withdrawn" else "only when named"
    return f" ({treated}; see {feature.instead})" if feature.instead else f" ({treated})"
