"""What a setting may hold: types that carry their range, and the words that describe it."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field


@dataclass(frozen=True)
class Takes:
    """What a type accepts, in words; stands beside the constraint that enforces it."""

    words: str


def takes(kind: Any) -> str:
    """What a (possibly annotated) type accepts, in words: ``a number above 0, or null``."""
    origin = get_origin(kind)
    if origin is Annotated:
        words = [note.words for note in get_args(kind)[1:] if isinstance(note, Takes)]
        return words[0] if words else takes(get_args(kind)[0])
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if origin in (Union, UnionType):
        return ", or ".join(takes(option) for option in get_args(kind))
    return {bool: "true or false", NoneType: "null", str: "text"}[kind]


def choices(kind: Any) -> tuple[str, ...]:
    """The words that a type accepts, where it accepts only certain ones; empty otherwise."""
    if get_origin(kind) is Literal:
        return tuple(word for word in get_args(kind) if isinstance(word, str))
    if kind is Wavelet:
        return discrete_wavelets()
    return tuple(word for part in get_args(kind) if get_origin(part) for word in choices(part))


def discrete_wavelets() -> tuple[str, ...]:
    """The wavelets that a discrete transform can use. PyWavelets is imported only when asked."""
    import pywt

    return tuple(pywt.wavelist(kind="discrete"))


def _known_wavelet(value: str) -> str:
    if value != "coif1" and value not in discrete_wavelets():
        raise ValueError("not a discrete wavelet")
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _once(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) < len(values):  # PyRadiomics would count the neighbours at that distance twice
        raise ValueError("the same distance twice")
    return values


def _interpolator_name(value: Any) -> Any:
    # PyRadiomics' documented numbers. SimpleITK 2.4 gave its B-spline another one; here 3 still means it.
    if type(value) is int and 1 <= value <= len(INTERPOLATORS):
        return INTERPOLATORS[value - 1]
    return value


InterpolatorName = Literal[
    "sitkNearestNeighbor",
    "sitkLinear",
    "sitkBSpline",
    "sitkGaussian",
    "sitkLabelGaussian",
    "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc",
    "sitkWelchWindowedSinc",
    "sitkLanczosWindowedSinc",
    "sitkBlackmanWindowedSinc",
]
INTERPOLATORS: tuple[str, ...] = get_args(InterpolatorName)

Number = Annotated[float, Field(allow_inf_nan=False), Takes("a finite number")]
NumberOrNaN = Annotated[float, Takes("a number, or .nan")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), Takes("a number above 0")]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), Takes("a number, 0 or more")]
Whole = Annotated[int, Takes("a whole number")]
Count = Annotated[int, Field(ge=1), Takes("a whole number, 1 or more")]
Index = Annotated[int, Field(ge=0), Takes("a whole number, 0 or more")]
Axis = Annotated[int, Field(ge=0, le=2), Takes("0 (z), 1 (y) or 2 (x)")]
Dimensions = Annotated[int, Field(ge=1, le=3), Takes("1, 2 or 3")]
Batch = Annotated[Count | Literal[-1], Takes("a whole number, 1 or more; -1 for all at once")]
Spacings = Annotated[
    tuple[NotNegative, NotNegative, NotNegative],
    BeforeValidator(_tuple),
    Takes("three numbers, [x, y, z], where 0 leaves an axis as it is"),
]
Distances = Annotated[
    tuple[Count, ...],
    Field(min_length=1),
    AfterValidator(_once),
    BeforeValidator(_tuple),
    Takes("a list of whole numbers, 1 or more and once each"),
]
Thresholds = Annotated[
    tuple[Number, ...],
    Field(min_length=1, max_length=2),
    AfterValidator(lambda bounds: tuple(sorted(bounds))),
    BeforeValidator(_tuple),
    Takes("a list of one or two finite numbers, [low] or [low, high]"),
]
# 4 and 4.0 are kept apart, because PyRadiomics names images by what was written: sigma-4 and sigma-4-0
Sigmas = Annotated[
    tuple[Count | Positive, ...],
    BeforeValidator(_tuple),
    Takes("a list of numbers above 0"),
]
Interpolator = Annotated[InterpolatorName, BeforeValidator(_interpolator_name)]
Wavelet = Annotated[str, AfterValidator(_known_wavelet), Takes("the name of a discrete wavelet")]
ResegmentMode = Literal["absolute", "relative", "sigma"]
Boundary = Literal["mirror", "nearest", "periodic", "zero"]
LBPMethod = Literal["default", "ror", "uniform", "var"]
WeightingNorm = Literal["manhattan", "euclidean", "infinity", "no_weighting"]
