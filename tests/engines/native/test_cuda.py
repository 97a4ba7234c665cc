"""What the engine `cuda` does around its kernels: uploads, batches, memory that runs out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radstore.engines.native import Cpu, Cuda, walk
from radstore.engines.native.place import SHARE, WINDOW_BYTES
from radstore.engines.registry import choose
from radstore.errors import EngineError
from radstore.extract import extract, features
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec

DOCUMENT = {
    "featureClass": {"shape": ["Sphericity"], "firstorder": ["Mean", "Entropy"], "glcm": ["Imc1"]},
    "imageType": {"Original": {}, "Square": {}, "Gradient": {}},
    "setting": {"binWidth": 20, "windowLevel": 40, "windowWidth": 300},
}


@pytest.fixture(scope="module")
def case():
    shape = (14, 15, 16)
    rng = np.random.default_rng(2)
    image = np.rint(40 + 300 * gaussian_filter(rng.normal(size=shape), 1.0)).astype(np.int16)
    mask = np.zeros(shape, np.uint8)
    mask[4:9, 4:10, 5:10] = rng.random((5, 6, 5)) < 0.9
    geometry = Geometry(shape[::-1], (0.8, 0.8, 2.5))
    return Volume(image, geometry, "ct.nii"), Volume(mask, geometry, "mask.nii")


def graph_of(mode, **setting):
    return Spec.from_dict({**DOCUMENT, "setting": {**DOCUMENT["setting"], **setting}}).graph(mode)


@pytest.mark.parametrize(
    "setting", [{}, {"normalize": True}, {"preCrop": True, "resegmentRange": [0, 90]}], ids=str
)
def test_the_vector_is_that_of_the_processor(setting, case, card):
    graph = graph_of("roi", **setting)
    got = Cuda().vector(*case, graph)
    assert card.host_calls == 0
    assert got.values == Cpu().vector(*case, graph).values
    assert not got.failures
    assert got.device == ""


def test_maps_are_those_of_the_processor(case, card):
    graph = graph_of("voxel")
    got = Cuda().maps(*case, graph)
    assert card.host_calls == 0
    assert_same_maps(got, Cpu().maps(*case, graph))
    assert type(got.array) is type(got.region) is np.ndarray
    assert got.device == ""


def assert_same_maps(got, expected):
    assert not got.failures
    np.testing.assert_array_equal(got.array, expected.array)
    np.testing.assert_array_equal(got.region, expected.region)
    assert (got.names, got.geometry, got.grid) == (expected.names, expected.geometry, expected.grid)


def test_image_and_mask_are_uploaded_once_and_only_what_is_read(case, card):
    graph = Spec.from_dict({"features": ["original_glcm_Imc1", "gradient_glcm_Imc1"]}).graph("roi")
    Cuda().vector(*case, graph)
    voxels = (5 + 2) * (6 + 2) * (5 + 2)  # the box and the gradient's reach
    assert card.uploads == [2 * voxels, voxels]


def test_numbers_come_down_together(case, card):
    graph = Spec.from_dict({"featureClass": {"firstorder": [], "glcm": []}}).graph("roi")
    Cuda().vector(*case, graph)
    assert card.ndarray.downloads == 1


def test_batches_halve_until_they_fit(case, card, monkeypatch):
    monkeypatch.setattr(walk, "SMALLEST_BATCH", 8)
    card.room = 40
    graph, voxels = graph_of("voxel"), int(case[1].array.sum())
    got = Cuda().maps(*case, graph)
    assert card.host_calls == 0
    assert card.batches[:3] == [voxels, voxels // 2, voxels // 4]
    assert card.pool.freed >= 2
    assert got.device == ""
    assert_same_maps(got, Cpu().maps(*case, graph))


def test_batches_follow_what_is_free(case, card, monkeypatch):
    card.pool.set_limit(50 * WINDOW_BYTES)
    Cuda().maps(*case, graph_of("voxel"))
    assert card.batches[0] == 50


def test_a_vector_that_does_not_fit_is_computed_on_the_processor_and_said(case, card):
    card.room, graph = 0, graph_of("roi")
    with pytest.warns(RuntimeWarning, match=r"ct.nii does not fit on cuda:0 Stand-in 1000 .*processor"):
        got = Cuda().vector(*case, graph)
    assert got.device == "cpu"
    assert card.pool.freed == 1
    assert got.values == Cpu().vector(*case, graph).values


def test_maps_of_which_not_even_one_batch_fits_are_computed_on_the_processor(case, card):
    card.room, graph = 0, graph_of("voxel")
    with pytest.warns(RuntimeWarning, match=r"Out of memory allocating 1 GB"):
        got = Cuda().maps(*case, graph)
    assert got.device == "cpu"
    assert_same_maps(got, Cpu().maps(*case, graph))


def test_an_extraction_records_the_device_that_computed(case, card):
    spec = Spec.from_dict({"features": ["original_firstorder_Mean"]})
    assert extract(*case, spec, engine="cuda").json_record()["engine"] == {
        "name": "cuda",
        "family": "native/1",
        "device": "cuda:0 Stand-in 1000",
    }
    card.room = 0
    with pytest.warns(RuntimeWarning, match="does not fit"):
        done = extract(*case, spec, engine="cuda")
    assert done.json_record()["engine"]["device"] == "cpu"


@pytest.mark.parametrize("engine", ["cuda", "cpu", "pyradiomics"])
def test_arrays_of_the_device_are_taken_by_every_engine(engine, case, card):
    image, mask = (volume.array for volume in case)
    spacing, spec = case[0].geometry.spacing, Spec.from_dict(DOCUMENT)
    expected = features(image, mask, spec, spacing=spacing, engine=engine)
    up = card.asarray(image), card.asarray(mask)
    card.uploads.clear()
    assert features(*up, spec, spacing=spacing, engine=engine).equals(expected)
    assert sum(card.uploads) < image.nbytes  # nothing but the mask's part goes up again


def test_memory_is_bounded_unless_the_user_did_it(case, card):
    graph = graph_of("roi")
    Cuda().vector(*case, graph)
    assert card.pool.limit == int(SHARE * (8 << 30))
    card.pool.set_limit(1 << 30)
    Cuda().vector(*case, graph)
    assert card.pool.limit == 1 << 30


def test_auto_takes_the_device_and_says_so(card):
    engine, reason = choose()
    assert engine.device == "cuda:0 Stand-in 1000"
    assert (
        reason == "engine cuda on cuda:0 Stand-in 1000: the fastest that works here, before cpu, pyradiomics"
    )


def test_the_keys_are_those_of_the_processor(card):
    graph, leaves = graph_of("roi"), {"image": "i", "mask": "m"}
    assert graph.recipes(leaves, Cuda().version) == graph.recipes(leaves, Cpu().version)
    assert Cuda().family == Cpu().family


def test_without_a_driver_or_a_device_it_says_which(card):
    def no_driver():
        raise card.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver")

    card.cuda.runtime.getDeviceCount = no_driver
    with pytest.raises(EngineError, match=r"no CUDA driver.*cudaErrorInsufficientDriver"):
        Cuda()
    card.cuda.runtime.getDeviceCount = lambda: 0
    with pytest.raises(EngineError, match="finds no CUDA device"):
        Cuda()
