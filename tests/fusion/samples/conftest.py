"""Small CTs with regions, labels and maps, and plans as nnU-Net writes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from fusion.recipe import KEY, Recipe
from radstore.images.volume import Geometry, Volume

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
RESAMPLE = "resample_data_or_seg_to_shape"
STAGE1 = Recipe(stage=1, fold=0)


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """What the tests are made of: `plans`, `ct`, `labels`, `region`, `maps`."""
    return SimpleNamespace(plans=plans, ct=ct, labels=labels, region=region, maps=maps)


def plans(
    spacing: tuple[float, float, float], order: tuple[int, int, int] = (0, 1, 2), recipe: Recipe = STAGE1
) -> dict[str, Any]:
    """With one 3-D configuration: spacing along the network's axes, and which image axes these are."""
    common = {"force_separate_z": None, "order_z": 0}
    return {
        "dataset_name": "Dataset001_test",
        "plans_name": "nnUNetPlans",
        "transpose_forward": list(order),
        "transpose_backward": np.argsort(order).tolist(),
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 61.3, "std": 77.9, "percentile_00_5": -120.0, "percentile_99_5": 240.0}
        },
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "spacing": list(spacing),
                "patch_size": [8, 8, 8],
                "normalization_schemes": ["CTNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": RESAMPLE,
                "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **common},
                "resampling_fn_seg": RESAMPLE,
                "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **common},
                "resampling_fn_probabilities": RESAMPLE,
                "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **common},
                "architecture": {},
            }
        },
        KEY: recipe.to_json(),
    }


def ct(
    size: tuple[int, int, int] = (28, 24, 14), spacing: tuple[float, float, float] = (0.8, 0.9, 2.5)
) -> Volume:
    """int16 noise on an oblique grid; size and spacing along x, y, z."""
    geometry = Geometry(size, spacing, (-31.0, 12.5, 100.25), OBLIQUE)
    array = np.random.default_rng(0).integers(-300, 300, geometry.shape).astype(np.int16)
    return Volume(array, geometry, "ct.nii.gz")


def labels(of: Volume, values: tuple[int, ...] = (0, 1, 2, 4)) -> Volume:
    """A smooth label image."""
    z, y, x = np.meshgrid(*(np.linspace(0, 3, n) for n in of.array.shape), indexing="ij")
    which = (np.sin(2 * z) + np.cos(3 * y) + np.sin(2.5 * x) + 3) / 6 * len(values)
    array = np.array(values, np.uint8)[which.astype(int).clip(0, len(values) - 1)]
    return Volume(array, of.geometry, "labels.nii.gz")


def region(of: Volume) -> Volume:
    """A ball in the middle of the CT."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in of.array.shape), indexing="ij")
    return Volume((z**2 + y**2 + x**2 < 0.2).astype(np.uint8), of.geometry, "region")


def maps(of: Volume, spacing: tuple[float, float, float] = (1.0, 1.0, 2.0), spec: str = "") -> xr.DataArray:
    """Two maps on a grid of their own inside the CT: 2 z + 3 y + 5 x in mm of the grid's axes, and a constant."""
    grid = of.geometry
    extent = [n * mm for n, mm in zip(grid.size, grid.spacing, strict=True)]
    x, y, z = (int(0.8 * mm / step) for mm, step in zip(extent, spacing, strict=True))
    geometry = Geometry((x, y, z), spacing, grid.point((2.3, 2.1, 1.4)), grid.direction)
    where = np.meshgrid(*geometry.coords().values(), indexing="ij")
    ramp = sum(factor * mm for factor, mm in zip((2, 3, 5), where, strict=True))
    array = np.stack([ramp, np.full_like(ramp, 7.0)]).astype(np.float32)
    attrs = {"geometry": geometry.to_json(), "spec_hash": spec}
    return xr.DataArray(array, {"feature": ["ramp", "flat"]}, ("feature", "z", "y", "x"), attrs=attrs)
