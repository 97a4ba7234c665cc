"""What the engine says of itself: versions, refusals, memory."""

from __future__ import annotations

import numpy as np
import pytest

from radstore.engines.pyradiomics import PyRadiomics, capabilities
from radstore.engines.pyradiomics.filters import FILTERS
from radstore.graph import Feature, Graph, Node
from radstore.images.volume import Geometry
from radstore.spec import Spec

CT = Geometry((512, 512, 200), (0.8, 0.8, 2.0))


def graph(document, mode="roi"):
    return Spec.from_dict({"features": ["original_firstorder_Mean"], **document}).graph(mode)


def test_versions_name_the_library_and_our_own_revision():
    engine = PyRadiomics()
    assert engine.version("glcm") == engine.family
    assert engine.version("window") == f"{engine.family}+1"


def test_it_can_do_what_it_has():
    spec = Spec.from_dict({"imageType": {name: {} for name in ("Original", "Wavelet", "LBP2D", "Gradient")}})
    assert PyRadiomics().refusals(spec.graph("roi")) == {}


def test_lbp3d_is_refused_where_the_library_would_skip_it_silently():
    wanted = graph({"features": ["lbp-3D-m1_glcm_Imc1", "original_glcm_Imc1"]})
    try:
        from scipy.special import sph_harm  # noqa: F401
        from trimesh.creation import icosphere  # noqa: F401
    except ImportError:
        refused = PyRadiomics().refusals(wanted)
        assert list(refused) == ["lbp-3D-m1_glcm_Imc1"]
        assert "scipy" in refused["lbp-3D-m1_glcm_Imc1"]
    else:
        assert PyRadiomics().refusals(wanted) == {}


def test_maps_of_lbp3d_that_look_outside_the_region_are_refused():
    document = {"features": ["lbp-3D-k_glcm_Imc1"], "voxelSetting": {"maskedKernel": False}}
    refused = PyRadiomics().refusals(graph(document, "voxel"))
    assert "maskedKernel" in refused["lbp-3D-k_glcm_Imc1"]


def test_lbp2d_is_refused_without_scikit_image(monkeypatch):
    capabilities._lbp2d.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "skimage.feature", None)
    try:
        refused = PyRadiomics().refusals(graph({"features": ["lbp-2D_glcm_Imc1"]}))
    finally:
        capabilities._lbp2d.cache_clear()
    assert "pip install scikit-image" in refused["lbp-2D_glcm_Imc1"]


def test_a_feature_the_library_lacks_is_refused():
    node = Node("feature", (("feature", "Beauty"),), (Node("image"),))
    unknown = Feature("original_glcm_Beauty", "glcm", "Beauty", Node("image"), node)
    refused = PyRadiomics().refusals(Graph("roi", (unknown,), Node("image"), Node("mask"), Node("mask")))
    assert "has no feature glcm_Beauty" in refused["original_glcm_Beauty"]


def test_an_unknown_filter_is_a_failure_and_never_the_unfiltered_image(tiny_case):
    wanted = graph({})
    strange = Node("sharpen", (), (wanted.image,))
    node = Node("feature", (("feature", "Mean"),), (Node("firstorder", (), (strange, wanted.mask)),))
    feature = Feature("sharpen_firstorder_Mean", "firstorder", "Mean", strange, node)
    got = PyRadiomics().vector(
        *tiny_case, Graph("roi", (feature,), wanted.image, wanted.mask, wanted.shape_mask)
    )
    assert np.isnan(got.values["sharpen_firstorder_Mean"])
    assert "sharpen" in got.failures["sharpen_firstorder_Mean"]


def test_every_filter_of_the_library_has_an_operation():
    import radiomics

    assert {*FILTERS.values(), "Original"} == set(radiomics.getImageTypes())


@pytest.mark.parametrize(
    "costlier",
    [
        {"features": ["wavelet-LLH_firstorder_Mean"]},
        {"features": ["wavelet-LLH_firstorder_Mean"], "setting": {"resampledPixelSpacing": [0.5, 0.5, 1]}},
    ],
)
def test_memory_grows_with_what_is_asked(costlier):
    memory = PyRadiomics().memory
    assert memory(graph({}), CT) < memory(graph(costlier), CT)


def test_memory_shrinks_where_filters_see_only_the_region():
    memory = PyRadiomics().memory
    wavelet = {"features": ["wavelet-LLH_firstorder_Mean"]}
    cropped = {**wavelet, "setting": {"preCrop": True}}
    small = Geometry((100, 100, 100))
    assert memory(graph(cropped), CT) < memory(graph(wavelet), CT)
    assert memory(graph(cropped), small) <= memory(graph(wavelet), small)


def test_memory_counts_maps():
    wanted = {"features": [f"original_firstorder_{name}" for name in ("Mean", "Median", "Range")]}
    memory = PyRadiomics().memory
    assert memory(graph(wanted, "voxel"), CT) > memory(graph(wanted), CT)
