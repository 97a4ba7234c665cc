"""docs/ibsi.md: radstore against the consensus values of the image biomarker standardisation initiative.

    python -m benchmarks.ibsi DATA REFERENCE > docs/ibsi.md

DATA holds ``ibsi1_digital_phantom``, ``sts_ct``, ``ibsi2_digital_phantoms`` and ``ibsi2_response_maps``;
REFERENCE holds ``ibsi1_reference.csv``, ``ibsi1_validation_sts_ct.csv`` and ``ibsi2_response_maps.csv``
(theibsi/data_sets, theibsi/ibsi_2_reference_data; values of IBSI's compliance sheet and data analysis).
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks import ibsi_text as text
from benchmarks.ibsi_values import Response, Value
from radstore.engines.pyradiomics.library import imageoperations, library
from radstore.extract import features
from radstore.images.grid import centred_grid
from radstore.images.ibsi import filters
from radstore.images.ibsi.resample import resample, resample_mask
from radstore.images.read import read_image, read_labels
from radstore.images.volume import Volume
from radstore.inputs import ImageLike
from radstore.spec import Spec
from radstore.texture.ibsi import FEATURES

CLASSES: dict[str, list[str]] = {
    "shape": [],
    "firstorder": [],
    "glcm": [],
    "glrlm": [],
    "glszm": [],
    "gldm": [],
    "ngtdm": [],
}
NAMED = [
    *(
        f"original_firstorder_{name}"
        for name in ("CoefficientOfVariation", "QuartileCoefficientOfDispersion")
    ),
    "original_shape_Compactness1",
    "original_shape_Compactness2",
    "original_shape_SphericalDisproportion",
]
MERGED, AVERAGED, PLANE = {"weightingNorm": "no_weighting"}, {"weightingNorm": None}, {"force2D": True}
# IBSI's aggregation → the settings that give it. What is not here is computed slice by slice.
AGGREGATIONS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "3D": {},
    "3D_comb": MERGED,
    "3D_avg": AVERAGED,
    "2_5D": PLANE,
    "2_5D_comb": PLANE | MERGED,
    "2_5D_avg": PLANE | AVERAGED,
}
PHANTOM: Mapping[str, Any] = {"binWidth": 1}
VALIDATION: Mapping[str, Any] = {
    "resampledPixelSpacing": [1, 1, 1],
    "interpolator": "sitkBSpline",
    "resegmentRange": [-200, 200],
    "binWidth": 10,
    **MERGED,
}
CASES = ("STS_008", "STS_019")


def phantom(data: Path, reference: Path) -> list[Value]:
    """Every consensus value of the digital phantom."""
    folder = data / "ibsi1_digital_phantom"
    case = folder / "image.nii.gz", folder / "mask.nii.gz"
    found = {}
    for aggregation, settings in AGGREGATIONS.items():
        default, ours = (_features(*case, {**PHANTOM, **settings}, ibsi=ibsi) for ibsi in (False, True))
        found[aggregation] = default, default, ours
    values = []
    for row in _rows(reference / "ibsi1_reference.csv"):
        feature = FEATURES.get(row["ibsi_code"], "") if row["aggregation"] in AGGREGATIONS else ""
        values.append(_value(row, feature, found, row["ibsi_code"], row["aggregation"]))
    return values


def validation(data: Path, reference: Path) -> list[Value]:
    """Every value of the validation CTs on which most teams agree, of the features that radstore has."""
    codes = {_tag(row["tag"]): row for row in _rows(reference / "ibsi1_reference.csv")}
    values = []
    for case in CASES:
        files = (data / "sts_ct" / f"{case}_{part}.nii.gz" for part in ("image", "mask"))
        image, mask = files
        found = {
            "": (
                _features(image, mask, VALIDATION, ibsi=False),
                _features(*_centred(image, mask), {**VALIDATION, "resampledPixelSpacing": None}, ibsi=False),
                _features(image, mask, VALIDATION, ibsi=True),
            )
        }
        for row in _rows(reference / "ibsi1_validation_sts_ct.csv"):
            known = codes.get(_tag(row["tag"]))
            if row["case"] == case and known and known["ibsi_code"] in FEATURES:
                row |= {"feature": known["feature"]}
                values.append(_value(row, FEATURES[known["ibsi_code"]], found, known["ibsi_code"], ""))
    return values


def responses(data: Path, reference: Path) -> list[Response]:
    """The filters' reference response maps that are there."""
    found = []
    for row in _rows(reference / "ibsi2_response_maps.csv"):
        if (data / row["map_file"]).is_file():
            expected = _array(data / row["map_file"])
            deviations = {
                ibsi: None if response is None else float(np.abs(response - expected).max())
                for ibsi, response in _responses(row["map_id"], data / row["phantom_file"]).items()
            }
            tolerance = float(row["abs_tolerance_per_voxel"])
            found.append(
                Response(
                    row["map_id"],
                    row["filter"],
                    row["boundary"],
                    tolerance,
                    deviations[False],
                    deviations[True],
                )
            )
    return found


def report(data: Path, reference: Path) -> str:
    """The whole of docs/ibsi.md."""
    return text.page(
        phantom(data, reference), validation(data, reference), responses(data, reference), scaled_log(data)
    )


def scaled_log(data: Path) -> float:
    """How far PyRadiomics' LoG, divided by the squared width in voxels, is from the reference."""
    image = sitk.ReadImage(data / "ibsi2_digital_phantoms" / "checkerboard.nii.gz")
    width = 5.0 / image.GetSpacing()[0]
    theirs = _library(image, "LoG", "log-sigma-5-0-mm-3D", sigma=[5.0]) / width**2
    return float(np.abs(theirs - _array(data / "ibsi2_response_maps" / "2_b.nii.gz")).max())


def _value(
    row: Mapping[str, str],
    feature: str,
    found: Mapping[str, Sequence[Mapping[str, float]]],
    code: str,
    aggregation: str,
) -> Value:
    ours = [values[f"original_{feature}"] for values in found[aggregation]] if feature else [math.nan] * 3
    numbers = float(row["value"]), float(row["tolerance"]), *ours
    return Value(row["case"], row["family"], row["feature"], code, aggregation, feature, *numbers)


def _features(
    image: ImageLike, mask: ImageLike, settings: Mapping[str, Any], *, ibsi: bool
) -> Mapping[str, float]:
    document = {"setting": dict(settings), "ibsi": ibsi}
    every = features(image, mask, Spec.from_dict(document | {"featureClass": CLASSES}), engine="cpu")
    named = features(image, mask, Spec.from_dict(document | {"features": NAMED}), engine="cpu")
    return {**every.to_dict(), **named.to_dict()}


def _centred(image: Path, mask: Path) -> tuple[Volume, Volume]:
    """A case resampled as IBSI does it."""
    volume, region = read_image(image), read_labels(mask, 0)
    grid = centred_grid(volume.geometry, VALIDATION["resampledPixelSpacing"])
    values = resample(volume.array, volume.geometry, grid, VALIDATION["interpolator"])
    inside = resample_mask(region.array, region.geometry, grid).astype(np.uint8)
    return Volume(values, grid), Volume(inside, grid)


def _responses(name: str, phantom: Path) -> dict[bool, np.ndarray | None]:
    """PyRadiomics' response (False) and that under ``ibsi: true`` (True)."""
    image = sitk.ReadImage(phantom)
    array, spacing = _array(phantom), image.GetSpacing()
    if name == "2_b":
        theirs = _library(image, "LoG", "log-sigma-5-0-mm-3D", sigma=[5.0])
        return {False: theirs, True: filters.log(array, spacing, 5.0)}
    if name == "5_a_1":
        theirs = _library(image, "Wavelet", "wavelet-LHL", wavelet="db2")
        return {False: theirs, True: filters.wavelet(array, "db2", "LHL", 1, "zero")}
    if name == "7_a_1":
        theirs = _library(image, "Wavelet", "wavelet2-LLL", wavelet="haar", level=2)
        return {False: theirs, True: filters.wavelet(array, "haar", "LLL", 2, rotations=True)}
    return {False: None, True: None}


def _library(image: sitk.Image, image_type: str, name: str, **settings: Any) -> np.ndarray:
    with library():
        images = getattr(imageoperations, f"get{image_type}Image")(image, image, **settings)
        return sitk.GetArrayFromImage(next(made for made, called, _ in images if called == name))


def _array(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(np.float64)


@cache
def _table(path: Path) -> tuple[dict[str, str], ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    return (dict(row) for row in _table(path))


def _tag(tag: str) -> str:
    """A feature's tag in IBSI's sheets without its aggregation: ``cm_contrast_3D_comb`` → ``cm_contrast``."""
    for aggregation in ("_2D", "_2_5D", "_3D"):
        tag = tag.partition(aggregation)[0]
    return tag


if __name__ == "__main__":
    print(report(Path(sys.argv[1]), Path(sys.argv[2])), end="")
