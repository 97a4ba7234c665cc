"""The engine `cuda` on the emulated device: the processor's numbers, and what it asks of the device."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radstore.engines.native import Cpu, Cuda, walk
from radstore.engines.native.place import WINDOW_BYTES
from radstore.engines.registry import choose
from radstore.errors import EngineError
from radstore.extract import extract, features
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec, load_spec
from radstore.texture.device import region

ROOT = Path(__file__).parents[3]
CLASSES = {name: [] for name in ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")}
FILTERS = {
    "Original": {},
    "LoG": {"sigma": [1.0, 2.0]},
    "Wavelet": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "LBP2D": {"binWidth": 1},
}
FEW = {"shape": ["Sphericity"], "firstorder": ["Mean", "Entropy"], "glcm": ["Imc1"], "glszm": ["ZoneEntropy"]}
# What two orders of summation may differ by; roots of differences near zero and sums that cancel more.
LOOSE = {"MCC": 1e-6, "Imc2": 1e-6, "ClusterShade": 1e-5, "Skewness": 1e-8}


def case_of(shape=(9, 12, 13), size=(4, 5, 6), dtype=np.int16, spacing=(0.8, 0.8, 2.5), seed=2):
    """A smooth noise, and in its middle a region with holes."""
    rng = np.random.default_rng(seed)
    image = np.rint(40 + 300 * gaussian_filter(rng.normal(size=shape), 1.0)).astype(dtype)
    mask = np.zeros(shape, np.uint8)
    part = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(shape, size, strict=True))
    mask[part] = rng.random(size) < 0.9
    geometry = Geometry(shape[::-1], spacing)
    return Volume(image, geometry, "ct.nii"), Volume(mask, geometry, "mask.nii")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Each thread costs time here; how many there are changes no number."""
    monkeypatch.setattr(region, "DESCRIBE_THREADS", 64)
    monkeypatch.setattr(region, "COUNT_THREADS", 32)


@pytest.fixture(scope="module")
def case():
    return case_of()


def graph_of(
    mode="roi", *, classes=FEW, filters=("Original", "Square", "Gradient"), voxel=None, top=None, **setting
):
    return Spec.from_dict(
        {
            "featureClass": classes,
            "imageType": {name: FILTERS.get(name, {}) for name in filters},
            "setting": {"binWidth": 20, "windowLevel": 40, "windowWidth": 300, **setting},
            "voxelSetting": voxel or {"kernelRadius": 1},
            **(top or {}),
        }
    ).graph(mode)


def assert_same_vector(case, graph):
    got, expected = Cuda().vector(*case, graph), Cpu().vector(*case, graph)
    assert (got.failures, got.device) == (expected.failures, "")
    for name, value in expected.values.items():
        loose = LOOSE.get(name.rpartition("_")[2], 1e-9)
        assert got.values[name] == pytest.approx(value, rel=loose, abs=max(1e-12, loose / 10), nan_ok=True), (
            name
        )


def assert_same_maps(case, graph):
    same_maps(Cuda().maps(*case, graph), Cpu().maps(*case, graph))


def same_maps(got, expected):
    assert (got.failures, got.names, got.geometry, got.grid) == (
        *(expected.failures, expected.names, expected.geometry, expected.grid),
    )
    assert type(got.array) is type(got.region) is np.ndarray
    np.testing.assert_array_equal(got.region, expected.region)
    for name, mine, theirs in zip(got.names, got.array, expected.array, strict=True):
        loose = LOOSE.get(name.rpartition("_")[2], 0)
        np.testing.assert_allclose(mine, theirs, max(loose, 1e-6), max(loose, 1e-9), err_msg=name)


SIGMA = {"resegmentRange": [-2, 2], "resegmentMode": "sigma"}
ACROSS = {"force2Ddimension": 2}
VECTORS = {
    "every filter and family": {"classes": CLASSES, "filters": FILTERS},
    "resampled": {"classes": CLASSES, "resampledPixelSpacing": [1, 1, 2], "padDistance": 4},
    "resampled otherwise": {"resampledPixelSpacing": [1, 1, 0], "interpolator": "sitkLinear"},
    "normalised, resegmented": {"normalize": True, "binWidth": 0.2, **SIGMA},
    "cropped, resegmented": {"preCrop": True, "resegmentRange": [0, 90], "resegmentShape": True},
    "weighted": {"classes": CLASSES, "weightingNorm": "manhattan", "distances": [1, 2]},
    "in plane": {"classes": CLASSES, "force2D": True, "binCount": 12},
    "in another plane": {"filters": ("Original", "Wavelet", "LBP2D"), "force2D": True, **ACROSS},
    "many levels": {"classes": CLASSES, "binWidth": 0.1, "filters": ("Original",)},
    "on the sphere": {"filters": ("Original", "LBP3D")},
    "float32": {"dtype": np.float32, "filters": FILTERS},
}  # fmt: skip


@pytest.mark.parametrize("setting", VECTORS.values(), ids=VECTORS)
def test_the_vector_is_that_of_the_processor(setting, emulated):
    setting = {**setting}
    assert_same_vector(case_of(dtype=setting.pop("dtype", np.int16)), graph_of(**setting))


def test_the_vector_of_a_slice(emulated):
    classes = {**FEW, "shape2D": []}
    del classes["shape"]
    flat = case_of((1, 14, 15), (1, 6, 7))
    assert_same_vector(flat, graph_of(classes=classes, filters=("Original",), force2D=True))


def test_the_vector_by_the_standard(emulated):
    document = {
        "resampledPixelSpacing": [1, 1, 2],
        "interpolator": "sitkLinear",
        "resegmentRange": [-100, 200],
    }
    graph = graph_of(filters=("Original", "LoG", "Wavelet"), top={"ibsi": True}, **document)
    assert_same_vector(case_of((14, 18, 20), spacing=(1.5, 1.5, 2.5)), graph)


@pytest.mark.parametrize("size", [[1, 1, 2.5], None], ids=["resampled", "as it is"])
def test_the_shipped_maps_are_those_of_the_processor(size, emulated):
    """`selected.yaml` as it is but for its kernelRadius and, without resampling, its grid."""
    document = copy.deepcopy(load_spec(ROOT / "selected.yaml").document)
    document["voxelSetting"]["kernelRadius"] = 1
    if size is None:
        del document["setting"]["resampledPixelSpacing"]
    spec = Spec.from_dict(document)
    image = case_of((10, 24, 26), (4, 6, 6))
    assert_same_maps(image, spec.graph("voxel"))
    assert_same_vector(image, spec.graph("roi"))


MAPS = {
    "every family": {"classes": CLASSES, "filters": ("Original",)},
    "every filter": {"filters": FILTERS, "classes": {"glcm": ["Imc1"], "firstorder": ["Median"]}},
    "resampled": {"resampledPixelSpacing": [1, 1, 2], "filters": ("Original", "Gradient")},
    "whole windows": {"classes": CLASSES, "filters": ("Original",), "voxel": {"maskedKernel": False}},
    "weighted": {"weightingNorm": "euclidean", "filters": ("Original",), "classes": CLASSES},
    "in plane": {"force2D": True, "filters": ("Original",), "voxel": {"kernelRadius": 2}},
}


@pytest.mark.parametrize("setting", MAPS.values(), ids=MAPS)
def test_maps_are_those_of_the_processor(setting, emulated):
    assert_same_maps(case_of(size=(3, 4, 4)), graph_of("voxel", **setting))


def test_image_and_mask_are_uploaded_once_and_only_what_is_read(case, emulated):
    Cuda().vector(*case, graph_of(filters=("Original", "Gradient")))
    voxels = (4 + 2) * (5 + 2) * (6 + 2)  # the box and the gradient's reach
    large = [n for n in emulated.ledger.uploads if n >= voxels]
    assert large == [2 * voxels, voxels]


def test_numbers_come_down_together(case, emulated):
    """The rest is the mask for shapes, and what sizes depend on: the box, the region, each image's range."""
    graph = graph_of(classes=CLASSES, filters=("Original", "Gradient"))
    Cuda().vector(*case, graph)
    fetched = emulated.ledger.downloads
    assert sorted(fetched, reverse=True)[:2] == [8 * (len(graph.features) - 14), 4 * 5 * 6]
    assert emulated.ledger.waits == {"get": 5, "flatnonzero": 1, "sort": 2 * 3}


def test_maps_come_down_by_tables_and_only_the_regions_voxels(case, emulated):
    Cuda().maps(*case, graph_of("voxel", filters=("Original", "Gradient")))
    voxels = int(case[1].array.sum())
    assert [n for n in emulated.ledger.downloads if n >= 4 * voxels] == [
        *(4 * n * voxels for n in (2, 1, 1)),
        *(4 * n * voxels for n in (2, 1, 1)),
    ]
    assert emulated.ledger.waits == {"get": 2 + 2 + 6, "flatnonzero": 1}


@pytest.fixture
def room(emulated):
    """At most so many windows at a time, as if a kernel's scratch did not fit; what was asked for."""
    asked = []

    def set_to(most):
        def refuse(name, args):
            if name.endswith("_windows"):
                asked.append(int(args[0]["windows"]))
            if name.endswith(("_windows", "_region", "_count")) and int(args[0]["windows"]) >= most:
                raise emulated.cuda.memory.OutOfMemoryError("Out of memory allocating 1 GB")

        emulated.RawKernel.before.append(refuse)
        return asked

    return set_to


def test_batches_halve_until_they_fit(case, emulated, room, monkeypatch):
    monkeypatch.setattr(walk, "SMALLEST_BATCH", 8)
    graph, voxels = graph_of("voxel", filters=("Original",)), int(case[1].array.sum())
    asked = room(40)
    got = Cuda().maps(*case, graph)
    assert asked[:3] == [voxels, voxels // 2, voxels // 4]
    assert emulated.pool.freed >= 2
    assert got.device == ""
    same_maps(got, Cpu().maps(*case, graph))


def test_batches_follow_what_is_free(case, emulated, room):
    emulated.pool.set_limit(50 * WINDOW_BYTES)
    asked = room(10**9)
    Cuda().maps(*case, graph_of("voxel", filters=("Original",)))
    assert 40 < asked[0] < 50


@pytest.mark.parametrize("mode", ["roi", "voxel"])
def test_what_does_not_fit_is_computed_on_the_processor_and_said(mode, case, emulated, room):
    room(0)
    graph = graph_of(mode)
    compute = "vector" if mode == "roi" else "maps"
    with pytest.warns(
        RuntimeWarning, match=r"ct.nii does not fit on cuda:0 Emulated 1000 \(Out of memory.*processor"
    ):
        got = getattr(Cuda(), compute)(*case, graph)
    assert got.device == "cpu"
    assert emulated.pool.freed >= 1
    expected = getattr(Cpu(), compute)(*case, graph)
    if mode == "roi":
        assert got.values == expected.values
    else:
        np.testing.assert_array_equal(got.array, expected.array)


@pytest.mark.parametrize("kilobytes", [2, 20, 60])
def test_memory_may_run_out_anywhere(kilobytes, case, emulated):
    """While uploading, filtering, or between families: the processor takes over, nothing is left behind."""
    emulated.pool.set_limit(kilobytes << 10)
    graph = graph_of("voxel", classes=CLASSES, filters=("Wavelet", "Gradient"))
    with pytest.warns(RuntimeWarning, match="does not fit"):
        got = Cuda().maps(*case, graph)
    assert got.device == "cpu"
    assert emulated.pool.used_bytes() == 0


def test_nothing_stays_on_the_device(case, emulated):
    engine, used = Cuda(), []
    for _ in range(2):
        engine.vector(*case, graph_of())
        used.append(emulated.pool.used_bytes())
    assert used == [0, 0]


def test_an_extraction_records_the_device_that_computed(case, emulated, room):
    spec = Spec.from_dict({"features": ["original_firstorder_Mean"]})
    assert extract(*case, spec, engine="cuda").json_record()["engine"] == {
        "name": "cuda",
        "family": "native/1",
        "device": "cuda:0 Emulated 1000",
    }
    room(0)
    with pytest.warns(RuntimeWarning, match="does not fit"):
        done = extract(*case, spec, engine="cuda")
    assert done.json_record()["engine"]["device"] == "cpu"


@pytest.mark.parametrize("engine", ["cuda", "cpu", "pyradiomics"])
def test_arrays_of_the_device_are_taken_by_every_engine(engine, case, emulated):
    image, mask = (volume.array for volume in case)
    spacing, spec = case[0].geometry.spacing, Spec.from_dict({"featureClass": FEW})
    expected = features(image, mask, spec, spacing=spacing, engine=engine)
    up = emulated.asarray(image), emulated.asarray(mask)
    emulated.ledger.clear()
    assert features(*up, spec, spacing=spacing, engine=engine).equals(expected)
    assert image.nbytes not in emulated.ledger.uploads  # it is there already


def test_the_second_of_two_devices(case, emulated, monkeypatch):
    monkeypatch.setattr(emulated.cuda.runtime, "getDeviceCount", lambda: 2)
    emulated.cuda.Device(1).use()
    assert Cuda().device == "cuda:1 Emulated 1000"
    assert_same_vector(case, graph_of(filters=("Original",)))


def test_auto_takes_the_device_and_says_so(emulated):
    engine, reason = choose()
    assert engine.device == "cuda:0 Emulated 1000"
    assert reason == (
        "engine cuda on cuda:0 Emulated 1000: the fastest that works here, before cpu, pyradiomics"
    )


def test_the_keys_are_those_of_the_processor(emulated):
    graph, leaves = graph_of(), {"image": "i", "mask": "m"}
    assert graph.recipes(leaves, Cuda().version) == graph.recipes(leaves, Cpu().version)
    assert Cuda().family == Cpu().family


def test_without_a_driver_or_a_device_it_says_which(emulated, monkeypatch):
    def no_driver():
        raise emulated.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver")

    for count, said in ((no_driver, "cudaErrorInsufficientDriver"), (lambda: 0, "the driver sees none")):
        monkeypatch.setattr(emulated.cuda.runtime, "getDeviceCount", count)
        with pytest.raises(EngineError, match=said):
            Cuda()
