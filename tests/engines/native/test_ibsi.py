"""``ibsi: true`` through the public functions: what it changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from radstore.engines.base import Maps
from radstore.engines.native import Cpu, Cuda
from radstore.engines.registry import choose, require
from radstore.errors import EngineError
from radstore.extract import extract, features
from radstore.images.grid import centred_grid
from radstore.images.ibsi import filters
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec

GEOMETRY = Geometry((15, 14, 12), (0.9, 1.1, 2.0), (3.0, -2.0, 5.0))
RANGE = {"resegmentRange": [-80, 90]}


def case() -> tuple[Volume, Volume]:
    z, y, x = np.indices(GEOMETRY.shape)
    values = np.random.default_rng(1).normal(0, 60, GEOMETRY.shape) + 4 * (x - 8)
    mask = ((z - 6) / 4) ** 2 + ((y - 7) / 5) ** 2 + ((x - 7) / 6) ** 2 < 1
    return Volume(values.astype(np.int16), GEOMETRY), Volume(mask.astype(np.uint8), GEOMETRY)


def spec(
    names: list[str], *, ibsi: bool = True, filters: Any = None, maps: bool = False, **setting: Any
) -> Spec:
    document = {"features": names, "ibsi": ibsi, "setting": setting, "imageType": filters or {}, "maps": maps}
    return Spec.from_dict(document)


def both(names: list[str], **setting: Any) -> tuple[pd.Series, pd.Series]:
    image, mask = case()
    plain, ours = (
        features(image, mask, spec(names, ibsi=ibsi, **setting), engine="cpu") for ibsi in (False, True)
    )
    return plain, ours


def test_kurtosis_is_excess_and_of_equal_values_zero() -> None:
    name = "original_firstorder_Kurtosis"
    plain, ours = both([name])
    assert ours[name] == pytest.approx(plain[name] - 3)
    _, mask = case()
    flat = Volume(np.full(GEOMETRY.shape, 7, np.int16), GEOMETRY)
    assert features(flat, mask, spec([name]), engine="cpu")[name] == 0


def test_axes_are_of_the_covariance_over_n_minus_one() -> None:
    names = [f"original_shape_{n}" for n in ("MajorAxisLength", "LeastAxisLength", "Flatness", "MeshVolume")]
    plain, ours = both(names)
    voxels = int(case()[1].array.sum())
    factor = np.sqrt(voxels / (voxels - 1))
    np.testing.assert_allclose(ours / plain, [factor, factor, 1, 1], rtol=1e-12)


def test_directions_are_merged_unless_averaging_is_written_out() -> None:
    names = ["original_glcm_JointEntropy", "original_glrlm_GrayLevelNonUniformity"]
    merged, ours = both(names, weightingNorm="no_weighting", binCount=8)
    averaged, written_out = both(names, weightingNorm=None, binCount=8)
    image, mask = case()
    by_default = features(image, mask, spec(names, binCount=8), engine="cpu")
    np.testing.assert_allclose(by_default, ours)
    np.testing.assert_allclose(ours, merged)
    np.testing.assert_allclose(written_out, averaged)
    assert not np.allclose(merged, averaged)


def test_bins_begin_at_the_ranges_lower_bound() -> None:
    names = ["original_glcm_JointAverage", "original_firstorder_Entropy"]
    image, mask = case()
    wanted = spec(names, binWidth=15, **RANGE)
    inside = (mask.array == 1) & (image.array >= -80) & (image.array <= 90)
    levels = Volume(np.where(inside, (image.array.astype(int) + 80) // 15 + 1, 0).astype(np.int16), GEOMETRY)
    region = Volume(inside.astype(np.uint8), GEOMETRY)
    # of levels that begin at 1, bins of width 1 are themselves
    as_levels = spec(names, ibsi=False, binWidth=1, weightingNorm="no_weighting")
    expected = features(levels, region, as_levels, engine="cpu")
    expected[names[0]] += levels.array[inside].min() - 1
    np.testing.assert_allclose(features(image, mask, wanted, engine="cpu"), expected, rtol=1e-12)


def test_shape_is_of_the_region_before_resegmentation() -> None:
    names = ["original_shape_VoxelVolume", "original_shape_Sphericity", "original_firstorder_Maximum"]
    image, mask = case()
    one_sided = {"resegmentRange": [60, 90]}  # leaves a part whose box is smaller
    cut = features(image, mask, spec(names, **one_sided), engine="cpu")
    whole = features(image, mask, spec(names), engine="cpu")
    np.testing.assert_array_equal(cut[names[:2]], whole[names[:2]])
    assert cut[names[2]] <= 90 < whole[names[2]]


def test_filters_are_ibsis_and_see_the_whole_image() -> None:
    names = ["log-sigma-1-5-mm-3D_firstorder_Maximum", "wavelet-HLL_firstorder_Minimum"]
    own = {"LoG": {"boundary": "zero"}, "Wavelet": {"wavelet": "db2", "rotationInvariant": True}}
    image, mask = case()
    found = features(image, mask, spec(names, filters=own), engine="cpu")
    inside = mask.array == 1
    blobs = filters.log(image.array, GEOMETRY.spacing, 1.5, "zero")
    edges = filters.wavelet(image.array, "db2", "HLL", 1, rotations=True)
    np.testing.assert_allclose(found, [blobs[inside].max(), edges[inside].min()], rtol=1e-12)
    resampled = {"resampledPixelSpacing": [1, 1, 1], "filters": own}
    near = features(image, mask, spec(names, padDistance=0, **resampled), engine="cpu")
    far = features(image, mask, spec(names, padDistance=9, **resampled), engine="cpu")
    np.testing.assert_array_equal(near, far)


def test_features_of_the_image_are_the_same_beside_filters_and_alone() -> None:
    name, other = "original_glcm_Contrast", "log-sigma-1-0-mm-3D_glcm_Contrast"
    image, mask = case()
    resampled = {"resampledPixelSpacing": [1, 1, 1], "binWidth": 10}
    alone = features(image, mask, spec([name], **resampled), engine="cpu")
    beside = features(image, mask, spec([name, other], **resampled), engine="cpu")
    assert alone[name] == beside[name]


def test_maps_lie_on_the_centred_grid() -> None:
    names = ["original_firstorder_Kurtosis", "original_glszm_ZonePercentage"]
    wanted = spec(names, maps=True, resampledPixelSpacing=[1, 1, 1], **RANGE)
    done = extract(*case(), wanted, engine="cpu", maps=True)
    maps = done.maps
    assert isinstance(maps, Maps)
    assert maps.grid == centred_grid(GEOMETRY, (1, 1, 1))
    at = maps.grid.index(maps.geometry.origin)
    np.testing.assert_allclose(at, np.rint(at), atol=1e-9)
    np.testing.assert_array_equal(np.isnan(maps.array[0]), maps.region == 0)
    assert np.nanmin(maps.array[0]) < 0
    voxels = done.vector.values  # the vector is of the same voxels
    assert set(voxels) == set(names)


def test_the_library_refuses_what_it_does_not_define() -> None:
    engine, _ = choose("pyradiomics")
    graph = spec(["original_glcm_Imc1", "original_shape_MajorAxisLength", "original_ngtdm_Busyness"]).graph(
        "roi"
    )
    with pytest.raises(EngineError, match="use the engine cpu"):
        require(engine, graph)
    assert choose("cpu")[0].refusals(graph) == {}


def test_a_device_gives_the_numbers_of_the_processor(emulated: Any) -> None:
    families = ("original", "log-sigma-1-5-mm-3D", "wavelet-HLL")
    names = [f"{image}_{f}" for image in families for f in ("firstorder_Kurtosis", "glcm_Contrast")]
    own = {"Wavelet": {"wavelet": "db2", "rotationInvariant": True}}
    grid = {"resampledPixelSpacing": [1, 1, 1], "interpolator": "sitkLinear"}
    graph = spec([*names, "original_shape_MajorAxisLength"], filters=own, **grid, **RANGE).graph("roi")
    got = Cuda().vector(*case(), graph)
    assert not got.failures
    assert got.values == pytest.approx(Cpu().vector(*case(), graph).values, rel=1e-9)
