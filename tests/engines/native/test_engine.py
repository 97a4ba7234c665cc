"""The engine `cpu` gives the vectors and maps of the engine `pyradiomics`, on whole specs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from radstore.engines.native import Cpu
from radstore.engines.native.versions import VERSIONS
from radstore.engines.pyradiomics import PyRadiomics
from radstore.images.itk import set_threads
from radstore.images.read import read_image, read_labels
from radstore.images.region import region_mask
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec, load_spec

CLASSES = {"shape": [], "firstorder": [], "glcm": [], "glrlm": [], "glszm": [], "gldm": [], "ngtdm": []}
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
DOCUMENTS = {
    "every filter": {"imageType": FILTERS},
    "other matrices": {
        "setting": {
            "distances": [1, 2],
            "symmetricalGLCM": False,
            "gldm_a": 1,
            "voxelArrayShift": 300,
            "weightingNorm": "euclidean",
        }
    },
    "in plane": {"setting": {"force2D": True, "force2Ddimension": 1, "binWidth": 20}},
    "resampled, normalised, resegmented": {
        "setting": {
            "normalize": True,
            "normalizeScale": 100,
            "resampledPixelSpacing": [1, 1, 2],
            "padDistance": 2,
            "resegmentRange": [-2, 2],
            "resegmentMode": "sigma",
            "binCount": 16,
        }
    },
    "whole window": {
        "voxelSetting": {"maskedKernel": False, "kernelRadius": 2},
        "imageType": {"Gradient": {}},
    },
}
# Where rounding decides, between 0 and NaN or in the whole of a difference: judged in tests/texture.
BY_ROUNDING = ("_Imc2", "_MCC", "_ClusterShade", "_Skewness")


def spec_of(name, **more) -> Spec:
    document = {"featureClass": CLASSES, "setting": {"binWidth": 15}, **DOCUMENTS.get(name, {}), **more}
    return Spec.from_dict(document)


@pytest.fixture(scope="module")
def case():
    """An int16 image, anisotropic, and a region of some hundred voxels with a spur."""
    shape = (8, 13, 14)
    rng = np.random.default_rng(11)
    noise = gaussian_filter(rng.normal(size=shape), 1.0)
    image = np.rint(40 + 60 * noise / noise.std()).astype(np.int16)
    away = sum(((index - n / 2) / (0.36 * n)) ** 2 for index, n in zip(np.indices(shape), shape, strict=True))
    mask = (away < 1) & (gaussian_filter(rng.normal(size=shape), 2.0) > -0.05)
    mask[4, 6, 6:13] = True
    geometry = Geometry(shape[::-1], (1.2, 1.2, 2.5), (5.0, -7.0, 11.0))
    return Volume(image, geometry, "image.nii"), Volume(mask.astype(np.uint8), geometry, "mask.nii")


def assert_equal_vectors(mine, theirs, rtol=1e-6):
    assert not mine.failures
    assert list(mine.values) == list(theirs.values)
    for name, expected in theirs.values.items():
        tolerance = 1e-4 if name.endswith(BY_ROUNDING) else rtol
        assert mine.values[name] == pytest.approx(expected, rel=tolerance, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_vectors(name, case):
    graph = spec_of(name).graph("roi")
    assert_equal_vectors(Cpu().vector(*case, graph), PyRadiomics().vector(*case, graph))


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "every filter"])
def test_maps(name, case):
    graph = spec_of(name).graph("voxel")
    mine, theirs = Cpu().maps(*case, graph), PyRadiomics().maps(*case, graph)
    assert not mine.failures
    assert mine.names == theirs.names
    assert mine.geometry == theirs.geometry
    assert mine.array.dtype == np.float32
    np.testing.assert_array_equal(mine.region, theirs.region)
    for feature, ours, expected in zip(mine.names, mine.array, theirs.array, strict=True):
        if feature.endswith(BY_ROUNDING):
            continue
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6, err_msg=feature)


def test_maps_of_every_filter(case):
    one_each = {
        "glcm": ["Contrast"],
        "glszm": ["ZoneEntropy"],
        "ngtdm": ["Strength"],
        "firstorder": ["Median"],
    }
    graph = Spec.from_dict({"featureClass": one_each, "imageType": FILTERS}).graph("voxel")
    mine, theirs = Cpu().maps(*case, graph), PyRadiomics().maps(*case, graph)
    np.testing.assert_allclose(mine.array, theirs.array, rtol=1e-5, atol=1e-6)


FEW = {
    "shape": ["Sphericity", "Maximum3DDiameter"],
    "firstorder": ["Mean", "Entropy", "Range", "TotalEnergy"],
    "glcm": ["Contrast", "JointEntropy"],
    "glrlm": ["GrayLevelNonUniformity", "RunEntropy"],
    "glszm": ["ZoneVariance"],
    "gldm": ["DependenceEntropy"],
    "ngtdm": ["Strength"],
}
NO_RUNS = "GrayLevelNonUniformity"  # NaN there and here where a region has no runs
ANY = st.fixed_dictionaries(
    {"binWidth": st.sampled_from([7, 30])},
    optional={
        "normalize": st.just(True),
        "resampledPixelSpacing": st.sampled_from([[1, 1, 2], [2, 2, 0]]),
        "interpolator": st.sampled_from(["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"]),
        "padDistance": st.integers(0, 4),
        "preCrop": st.booleans(),
        "resegmentRange": st.sampled_from([[-1, 1], [-2, 3]]),
        "resegmentMode": st.just("sigma"),
        "resegmentShape": st.booleans(),
        "binCount": st.just(12),
        "force2D": st.just(True),
        "force2Ddimension": st.integers(0, 2),
        "distances": st.sampled_from([[1], [1, 2]]),
        "weightingNorm": st.sampled_from(["manhattan", "infinity"]),
        "voxelArrayShift": st.just(500),
    },
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    setting=ANY,
    filters=st.sets(st.sampled_from(sorted(FILTERS)), min_size=1, max_size=3),
    dtype=st.sampled_from([np.int16, np.float32]),
)
def test_any_settings_and_filters(setting, filters, dtype, case):
    """Failures are the same too: LoG, for one, wants more voxels than a small padDistance leaves."""
    image, mask = case
    image = replace(image, array=image.array.astype(dtype))
    if setting.get("normalize"):
        setting = {**setting, "binWidth": setting["binWidth"] / 60}
    document = {"featureClass": FEW, "imageType": {f: FILTERS[f] for f in filters}, "setting": setting}
    graph = Spec.from_dict(document).graph("roi")
    mine, theirs = Cpu().vector(image, mask, graph), PyRadiomics().vector(image, mask, graph)
    assert mine.failures.keys() == theirs.failures.keys()
    for name, expected in theirs.values.items():
        if name.endswith("RunEntropy") and np.isnan(theirs.values[name.replace("RunEntropy", NO_RUNS)]):
            expected = (
                np.nan
            )  # of no runs at all; merged over the directions PyRadiomics' sum over nothing is 0
        assert mine.values[name] == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True), name


def test_threads_change_no_bit(case):
    graph = spec_of("defaults").graph("voxel")
    try:
        arrays = []
        for threads in (1, 2, 5):
            set_threads(threads)
            arrays.append(Cpu().maps(*case, graph).array)
    finally:
        set_threads(1)
    np.testing.assert_array_equal(arrays[0], arrays[1])
    np.testing.assert_array_equal(arrays[0], arrays[2])


def test_keys_are_not_the_references():
    graph = spec_of("defaults").graph("roi")
    leaves = {"image": "i", "mask": "m"}
    ours, theirs = (graph.recipes(leaves, engine.version) for engine in (Cpu(), PyRadiomics()))
    for feature in graph:
        assert ours[feature.name] != theirs[feature.name], feature.name


def test_every_operation_has_a_version():
    filters = {**FILTERS, "LBP3D": {}}
    settings = [
        {"normalize": True, "resampledPixelSpacing": [1, 1, 2], "windowLevel": 0, "windowWidth": 9},
        {"preCrop": True, "resegmentRange": [0], "force2D": True},
    ]
    seen = set()

    def version(op):
        seen.add(op)
        return Cpu().version(op)

    for setting in settings:
        classes = {**CLASSES, "shape2D": []} if "force2D" in setting else CLASSES
        document = {"featureClass": classes, "imageType": filters, "setting": setting}
        Spec.from_dict(document).graph("roi").recipes({"image": "i", "mask": "m"}, version)
    assert seen == set(VERSIONS)


def test_too_many_grey_levels_are_a_recorded_failure_with_the_remedy():
    rng = np.random.default_rng(1)
    fine = Volume(
        rng.normal(0, 1000, (30, 30, 30)).astype(np.float32), Geometry((30, 30, 30), (1.0, 1.0, 1.0))
    )
    everywhere = Volume(np.ones((30, 30, 30), np.uint8), fine.geometry)
    names = ["original_glcm_Imc1", "original_glszm_ZoneEntropy", "original_firstorder_Entropy"]
    graph = Spec.from_dict({"features": names, "setting": {"binWidth": 0.1}}).graph("roi")
    got = Cpu().vector(fine, everywhere, graph)
    assert np.isnan(got.values["original_glcm_Imc1"])
    assert "matrix, more than 8,192: widen binWidth" in got.failures["original_glcm_Imc1"]
    assert list(got.failures) == names[:1]


def test_it_says_what_it_is():
    engine = Cpu()
    assert (engine.name, engine.family) == ("cpu", "native/1")
    assert engine.version("glcm") == "native/glcm/1"
    assert engine.device == "cpu"


REAL = {
    "breast1": ("pyradiomics_cases/breast1_image.nrrd", "pyradiomics_cases/breast1_label.nrrd", 1),
    "lung1_crop": ("pyradiomics_cases/lung1_crop_image.nrrd", "pyradiomics_cases/lung1_crop_label.nrrd", 1),
    "brain1": ("pyradiomics_cases/brain1_image.nrrd", "pyradiomics_cases/brain1_label.nrrd", 1),
    "totalseg_pancreas": ("totalsegmentator/example_ct_sm.nii.gz", "totalsegmentator/example_seg.nii.gz", 7),
    "STS_008": ("sts_ct/STS_008_image.nii.gz", "sts_ct/STS_008_mask.nii.gz", 1),
}


def read(folder, name):
    image, labels, label = REAL[name]
    volume = read_image(folder / image)
    mask = region_mask(
        read_labels(folder / labels), [label], volume.geometry, tolerance=None, correct=False, name=name
    )
    return volume, mask


@pytest.mark.parametrize("name", REAL)
def test_vector_of_1502_features_of_a_real_image(name, shared_data, shared_reference):
    table = pd.read_csv(shared_reference / "pyradiomics_panorama_settings.csv.gz")
    table = table[table["case"] == name].set_index("feature")
    graph = load_spec(shared_reference / "panorama-1502.yaml").graph("roi")
    got = Cpu().vector(*read(shared_data, name), graph)
    assert not got.failures
    ours = pd.Series(dict(got.values))[table.index]
    off = (ours - table["value"]).abs() > table["tolerance_rel"] * table["value"].abs() + 1e-9
    assert not off.any(), pd.DataFrame({"ours": ours, "theirs": table["value"]})[off]


@pytest.mark.parametrize("stem", ["breast1_r1", "lung1_crop_r2"])
def test_maps_of_a_real_image(stem, shared_data, shared_reference):
    summary = pd.read_csv(shared_reference / "voxel_maps_summary.csv")
    told = json.loads(summary.loc[summary["map_file"] == stem, "settings"].iloc[0])
    voxel = {name: told.pop(name) for name in ("kernelRadius", "maskedKernel", "voxelBatch")}
    with np.load(shared_reference / "voxel_maps" / f"{stem}.npz") as file:
        theirs = dict(file)
    names = [name for name in theirs if not name.startswith("_")]
    spec = Spec.from_dict({"features": names, "setting": told, "voxelSetting": voxel})
    got = Cpu().maps(*read(shared_data, stem.rpartition("_")[0]), spec.graph("voxel"))
    assert not got.failures
    x, y, z = (-round(v) for v in got.geometry.index(tuple(theirs["_origin"].tolist())))
    dz, dy, dx = got.geometry.shape
    inside = got.region == 1
    for name, ours in zip(got.names, got.array, strict=True):
        expected = theirs[name][z : z + dz, y : y + dy, x : x + dx]
        np.testing.assert_allclose(ours[inside], expected[inside], rtol=1e-5, atol=1e-6, err_msg=name)
