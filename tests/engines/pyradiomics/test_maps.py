"""Maps are PyRadiomics' voxel mode, cropped to the region, NaN outside, and the same whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.engines.pyradiomics import PyRadiomics, features
from radstore.images.itk import from_itk
from radstore.images.volume import Volume
from radstore.spec import Spec

CLASSES = {"firstorder": [], "glcm": [], "glrlm": [], "glszm": [], "gldm": [], "ngtdm": []}
BATCH_BOUND = ("_JointAverage", "_MCC")

DOCUMENTS = {
    "defaults": {},
    "filters": {
        "imageType": {"LoG": {"sigma": [2.0]}, "Wavelet": {}, "LBP2D": {"binWidth": 1}},
        "featureClass": {"glcm": ["Imc1", "Correlation"], "ngtdm": ["Strength"], "glrlm": []},
        "voxelSetting": {"kernelRadius": 2},
    },
    "whole window": {"voxelSetting": {"maskedKernel": False, "kernelRadius": 1}},
    "wide window": {"voxelSetting": {"kernelRadius": 3}, "setting": {"binCount": 12}},
    "resampled": {
        "setting": {"resampledPixelSpacing": [1, 1, 2], "padDistance": 1, "resegmentRange": [-20, 120]},
        "voxelSetting": {"kernelRadius": 2},
    },
    "in plane": {"setting": {"force2D": True, "distances": [1, 2]}, "voxelSetting": {"kernelRadius": 2}},
}


def spec_of(document):
    full = {"featureClass": CLASSES, "setting": {"binWidth": 20}, **document}
    return full, Spec.from_dict(full)


def on_the_grid_of(maps, theirs: sitk.Image) -> np.ndarray:
    """PyRadiomics' map (of its wider crop) where ours lies."""
    volume = from_itk(theirs)
    x, y, z = (round(v) for v in volume.geometry.index(maps.geometry.origin))
    dz, dy, dx = maps.geometry.shape
    return volume.array[z : z + dz, y : y + dy, x : x + dx]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_equals_pyradiomics_voxel_mode(name, tiny_case, reference):
    document, spec = spec_of(DOCUMENTS[name])
    got = PyRadiomics().maps(*tiny_case, spec.graph("voxel"))
    assert not got.failures
    alone = {**document, "voxelSetting": {**document.get("voxelSetting", {}), "voxelBatch": 1}}
    expected, expected_alone = (
        reference(document, tiny_case, voxel=True),
        reference(alone, tiny_case, voxel=True),
    )
    inside = got.region == 1
    assert set(got.names) == set(expected)
    for feature, ours in zip(got.names, got.array, strict=True):
        theirs = (expected_alone if feature.endswith(BATCH_BOUND) else expected)[feature]
        np.testing.assert_allclose(
            ours[inside], on_the_grid_of(got, theirs)[inside], rtol=2e-6, atol=1e-9, err_msg=feature
        )
        assert np.isnan(ours[~inside]).all()


@pytest.mark.parametrize("budget", [1, 20_000, 1 << 30])
def test_batches_change_nothing(budget, tiny_case, monkeypatch):
    _, spec = spec_of(
        {"imageType": {"Original": {}, "Wavelet": {}}, "featureClass": {"glcm": [], "ngtdm": []}}
    )
    graph = spec.graph("voxel")
    usual = PyRadiomics().maps(*tiny_case, graph)
    monkeypatch.setattr(features, "MATRIX_BYTES", budget)
    other = PyRadiomics().maps(*tiny_case, graph)
    np.testing.assert_allclose(usual.array, other.array, rtol=2e-6, atol=1e-9)


def test_mcc_is_defined_at_the_tip_of_a_spur(tiny_case):
    graph = Spec.from_dict({"features": ["original_glcm_MCC"]}).graph("voxel")
    got = PyRadiomics().maps(*tiny_case, graph)
    assert np.isfinite(got.array[0][got.region == 1]).all()


def test_what_raises_in_every_batch_is_recorded_with_its_extent(tiny_case):
    document = {"features": ["original_glcm_MCC"], "setting": {"weightingNorm": "no_weighting"}}
    image, mask = tiny_case
    array = mask.array.copy()
    array[0, 0, 0] = 1  # an isolated voxel: its only, merged, matrix is empty
    got = PyRadiomics().maps(image, Volume(array, mask.geometry), Spec.from_dict(document).graph("voxel"))
    total = int(array.sum())
    assert got.failures["original_glcm_MCC"].startswith(f"undefined in 1 of {total} voxels: LinAlgError")
    assert np.isfinite(got.array).sum() == total - 1


def test_an_isolated_voxel_is_undefined_inside_the_region(tiny_case):
    image, mask = tiny_case
    array = mask.array.copy()
    array[0, 0, 0] = 1
    graph = Spec.from_dict({"features": ["original_glcm_Imc1", "original_ngtdm_Coarseness"]}).graph("voxel")
    got = PyRadiomics().maps(image, Volume(array, mask.geometry), graph)
    assert not got.failures
    assert got.region[0, 0, 0] == 1
    assert np.isnan(got.array[0, 0, 0, 0])
    assert got.array[1, 0, 0, 0] == 1e6


def test_maps_lie_on_the_images_grid(case):
    image, mask = case
    graph = Spec.from_dict({"features": ["original_firstorder_Minimum"]}).graph("voxel")
    got = PyRadiomics().maps(image, mask, graph)
    assert got.grid == image.geometry
    where = np.argwhere(mask.array)
    start, stop = where.min(axis=0), where.max(axis=0) + 1
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    assert got.array.shape == (1, *(stop - start))
    assert got.array.dtype == np.float32
    np.testing.assert_array_equal(got.region, mask.array[box])
    assert got.geometry == image.geometry.crop(tuple(int(n) for n in start[::-1]), got.geometry.size)


def test_resampled_maps_lie_on_a_grid_over_the_whole_image(case, reference):
    document = {"features": ["original_firstorder_Mean"], "setting": {"resampledPixelSpacing": [1, 1, 0]}}
    got = PyRadiomics().maps(*case, Spec.from_dict(document).graph("voxel"))
    assert got.grid.spacing == (1.0, 1.0, 2.3)
    assert np.ceil(np.multiply(case[0].geometry.size, case[0].geometry.spacing)[:2]).tolist() == [
        *got.grid.size[:2]
    ]
    crossed = {"featureClass": {"firstorder": ["Mean"]}, "setting": document["setting"]}
    theirs = from_itk(reference(crossed, case, voxel=True)["original_firstorder_Mean"]).geometry
    at = got.geometry.index(theirs.origin)
    np.testing.assert_allclose(at, np.rint(at), atol=1e-6)
    assert got.geometry.spacing == theirs.spacing


def test_no_maps_of_shapes(tiny_case):
    graph = Spec.from_dict({"features": ["original_shape_Sphericity"]}).graph("voxel")
    got = PyRadiomics().maps(*tiny_case, graph)
    assert got.names == ()
    assert got.array.shape == (0, *got.region.shape)


def test_a_filter_without_result_leaves_a_map_of_nan(tiny_case):
    graph = Spec.from_dict({"features": ["log-sigma-30-0-mm-3D_glcm_Imc1"]}).graph("voxel")
    got = PyRadiomics().maps(*tiny_case, graph)
    assert np.isnan(got.array).all()
    assert "must be greater" in got.failures["log-sigma-30-0-mm-3D_glcm_Imc1"]
