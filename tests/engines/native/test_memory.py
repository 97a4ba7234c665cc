from __future__ import annotations

import numpy as np
import pytest

from radstore.engines.native import Cpu
from radstore.images.volume import Geometry
from radstore.spec import Spec

LARGE = Geometry((512, 512, 400), (0.75, 0.75, 1.0))
MEAN = {"firstorder": ["Mean"]}


def estimate(image=LARGE, mode="roi", **document):
    return Cpu().memory(Spec.from_dict({"featureClass": MEAN, **document}).graph(mode), image)


def test_filters_that_read_far_cost_more():
    near, far, whole = (estimate(imageType={"LoG": {"sigma": [sigma]}}) for sigma in (0.5, 2.0, 40.0))
    assert estimate() < near < far <= whole
    assert estimate(imageType={"Square": {}}) == estimate()
    assert estimate(imageType={"Wavelet": {}}) > 1.5 * estimate()


def test_the_costliest_filter_counts_not_their_sum():
    both = {"Wavelet": {}, "Gradient": {}}
    assert estimate(imageType=both) == pytest.approx(estimate(imageType={"Wavelet": {}}), rel=0.01)


def test_maps_cost_by_their_number():
    one, two = (
        estimate(mode="voxel", featureClass={"firstorder": names}) for names in (["Mean"], ["Mean", "Range"])
    )
    assert two > one


def test_maps_are_no_larger_than_an_organs_box():
    """What the maps of a liver take (box and voxels), and not more than twice that."""
    classes = {"firstorder": [], "glcm": [], "glrlm": [], "glszm": [], "gldm": [], "ngtdm": []}
    maps, none = (estimate(mode=mode, featureClass=classes) for mode in ("voxel", "roi"))
    voxel = np.prod(LARGE.spacing)
    liver = 93 * 4 * (210 * 170 * 190 + 2.0e6) / voxel
    assert liver < maps - none < 2 * liver


def test_maps_of_a_small_image_cost_no_more_than_it_has_voxels():
    small = Geometry((40, 30, 20), (1.0, 1.0, 1.0))
    assert estimate(small, "voxel") - estimate(small) < 20 * 40 * 30 * 20


def test_padding_bounds_what_filters_see():
    setting = {"resampledPixelSpacing": [2, 2, 2], "padDistance": 1}
    log = {"LoG": {"sigma": [5.0]}}
    assert estimate(imageType=log, setting=setting) < estimate(imageType=log) / 2


def test_a_small_image_is_all_there_is():
    small = Geometry((40, 30, 20), (1.0, 1.0, 1.0))
    assert estimate(small) < 300e6 + 60 * np.prod(small.size)


def test_shape_alone_needs_no_filter():
    assert estimate(featureClass={"shape": []}) < estimate()
