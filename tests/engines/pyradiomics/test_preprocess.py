from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from radstore.engines.pyradiomics import PyRadiomics
from radstore.errors import RegionError
from radstore.images.volume import Volume
from radstore.spec import Spec

MEAN = {"features": ["original_firstorder_Mean"]}


def vector(case, **setting):
    return PyRadiomics().vector(*case, Spec.from_dict({**MEAN, "setting": setting}).graph("roi"))


def test_windowed_features_are_those_of_the_clipped_image(tiny_case, reference):
    image, mask = tiny_case
    document = {"featureClass": {"firstorder": [], "glcm": []}, "imageType": {"Original": {}, "Wavelet": {}}}
    windowed = {**document, "setting": {"windowLevel": 40, "windowWidth": 100}}
    got = PyRadiomics().vector(image, mask, Spec.from_dict(windowed).graph("roi"))
    clipped = replace(image, array=np.clip(image.array, -10, 90))
    assert got.values == {n: float(v) for n, v in reference(document, (clipped, mask)).items()}


@pytest.mark.parametrize(
    ("voxels", "setting", "message", "remedy"),
    [
        ([(3, 5, 5)], {}, "only contains 1 segmented voxel", "leave this case out"),
        ([(3, 5, 5), (3, 5, 6)], {}, "too few dimensions", "minimumROIDimensions"),
        ([(3, 5, 5), (3, 6, 6)], {"minimumROISize": 5}, "too small", "minimumROISize"),
        ([(3, 5, 5), (3, 6, 6)], {"resegmentRange": [9000]}, "excluded too many voxels", "resegmentRange"),
        ([], {}, "No labels found", "no voxel"),
        ([(3, 5, 5), (4, 6, 6)], {"resampledPixelSpacing": [9, 9, 30]}, "", "resample less coarsely"),
    ],
)
def test_a_region_that_cannot_be_used(voxels, setting, message, remedy, tiny_case):
    image, mask = tiny_case
    array = np.zeros_like(mask.array)
    for voxel in voxels:
        array[voxel] = 1
    with pytest.raises(RegionError) as caught:
        vector((image, Volume(array, mask.geometry, "some/mask.nii")), **setting)
    assert "some/mask.nii" in caught.value.message
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_region_outside_the_image_cannot_be_resampled(tiny_case):
    image, mask = tiny_case
    far = replace(mask, geometry=replace(mask.geometry, origin=(500.0, 0.0, 0.0)))
    with pytest.raises(RegionError, match="larger than image space") as caught:
        vector((image, far), resampledPixelSpacing=[1, 1, 2])
    assert "inside the image" in caught.value.remedy


def test_sizes_that_differ_are_refused(tiny_case):
    image, mask = tiny_case
    smaller = Volume(mask.array[1:], mask.geometry.crop((0, 0, 1), (12, 11, 6)))
    with pytest.raises(RegionError, match=r"use the region: Input .* does not match"):
        vector((image, smaller))


def test_a_mask_that_was_accepted_with_its_own_origin_is_used(tiny_case, reference):
    image, mask = tiny_case
    x, y, z = mask.geometry.origin
    moved = replace(mask, geometry=replace(mask.geometry, origin=(x + 0.1, y, z)))
    setting = {"geometryTolerance": 0.2, "resampledPixelSpacing": [1, 1, 2]}
    document = {"featureClass": {"firstorder": ["Mean"]}, "setting": setting}
    expected = reference(document, (image, moved))
    got = vector((image, moved), **setting)
    assert got.values == {n: float(v) for n, v in expected.items()}
    assert got.values != vector(tiny_case, **setting).values  # the resampled grid hangs on the mask's origin
    assert vector((image, moved)).values == vector(tiny_case).values


def test_maps_of_such_a_mask_lie_on_the_images_grid(tiny_case):
    image, mask = tiny_case
    x, y, z = mask.geometry.origin
    moved = replace(mask, geometry=replace(mask.geometry, origin=(x + 0.1, y, z)))
    got = PyRadiomics().maps(image, moved, Spec.from_dict(MEAN).graph("voxel"))
    assert got.grid == image.geometry


def test_maps_of_a_mask_on_another_grid(tiny_case):
    image, mask = tiny_case
    coarse = Volume(mask.array[:, ::2, ::2], replace(mask.geometry, size=(6, 6, 7), spacing=(2.4, 2.4, 2.5)))
    document = {**MEAN, "setting": {"resampledPixelSpacing": [1.2, 1.2, 2.5], "correctMask": True}}
    got = PyRadiomics().maps(image, coarse, Spec.from_dict(document).graph("voxel"))
    assert got.grid == image.geometry  # the image has that spacing already and stays
    document["setting"]["resampledPixelSpacing"] = [1.0, 1.0, 2.5]
    got = PyRadiomics().maps(image, coarse, Spec.from_dict(document).graph("voxel"))
    assert got.grid.spacing == (1.0, 1.0, 2.5)


def test_normalising_does_not_depend_on_threads(case):
    import SimpleITK as sitk

    from radstore.images.itk import set_threads

    image, mask = case
    image = replace(image, array=image.array.astype(np.float64) / 7 + 1e5)
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    values = []
    try:
        for threads in (1, 2, 3, 8):
            set_threads(threads)
            values.append(vector((image, mask), normalize=True).values)
            assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads
    finally:
        set_threads(before)
    assert all(one == values[0] for one in values)
