"""What is filtered, how much of it, and what happens where something cannot be computed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radstore.engines.native import Cpu
from radstore.engines.native.plan import Transform
from radstore.graph import MASK, Feature, Node
from radstore.images.box import bounding_box, grown, whole
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec

FILTERS = {
    "Original": {},
    "LoG": {"sigma": [0.5, 1.0]},
    "Wavelet": {"start_level": 1, "level": 1},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "LBP2D": {"binWidth": 1},
    "LBP3D": {"binWidth": 1, "lbp3DLevels": 1},
}
CLASSES = {"firstorder": ["Mean", "Entropy", "10Percentile"], "glcm": ["Imc1"], "glszm": ["ZoneEntropy"]}


def case_of(shape, at, size, seed=0, dtype=np.int16, spacing=(1.5, 1.5, 3.0)):
    rng = np.random.default_rng(seed)
    image = (40 + 300 * gaussian_filter(rng.normal(size=shape), 1.0)).astype(dtype)
    mask = np.zeros(shape, np.uint8)
    part = tuple(slice(a, a + n) for a, n in zip(at, size, strict=True))
    mask[part] = rng.random(size) < 0.9
    geometry = Geometry(shape[::-1], spacing)
    return Volume(image, geometry, "ct.nii"), Volume(mask, geometry, "mask.nii")


def graph_of(mode="roi", **document):
    return Spec.from_dict({"featureClass": CLASSES, "imageType": FILTERS, **document}).graph(mode)


@pytest.fixture(scope="module")
def case():
    return case_of((30, 41, 44), (12, 17, 18), (5, 6, 7))


@pytest.mark.parametrize("at", [(12, 17, 18), (0, 17, 37), (25, 0, 0)], ids=["middle", "edges", "corner"])
@pytest.mark.parametrize("mode", ["roi", "voxel"])
def test_filtering_only_what_is_read_changes_no_bit(mode, at, monkeypatch):
    """LoG looks back for ever, so that its part is long: sigma is small here, and the image is not."""
    case = case_of((30, 41, 44), at, (5, 6, 7))
    graph = graph_of(mode)
    compute = Cpu().vector if mode == "roi" else Cpu().maps
    part = compute(*case, graph)
    monkeypatch.setattr(Transform, "reads", lambda self, spacing, shape, box: whole(shape))
    full = compute(*case, graph)
    assert part.failures == full.failures == {}
    if mode == "roi":
        assert part.values == full.values
    else:
        np.testing.assert_array_equal(part.array, full.array)


def test_a_filter_is_given_a_part_where_it_reads_no_more(case, monkeypatch):
    seen = {}
    from radstore.images import filters

    apply = filters.apply

    def spy(op, image, *args, **kwargs):
        seen[op] = image.shape
        return apply(op, image, *args, **kwargs)

    monkeypatch.setattr(filters, "apply", spy)
    Cpu().vector(*case, graph_of(imageType={"Square": {}, "Gradient": {}, "LoG": {"sigma": [0.5]}}))
    assert seen["square"] == (5, 6, 7)
    assert seen["gradient"] == (7, 8, 9)
    assert seen["log"] > (15, 20, 20)


def test_each_filter_is_applied_once(case, monkeypatch):
    from radstore.images import filters

    calls, apply = [], filters.apply
    monkeypatch.setattr(filters, "apply", lambda op, *a, **k: (calls.append(op), apply(op, *a, **k))[1])
    Cpu().vector(*case, graph_of(imageType={"Wavelet": {}, "LBP3D": {"lbp3DLevels": 1}, "Square": {}}))
    assert sorted(calls) == ["lbp3d", "square", "wavelet"]


def test_grey_levels_are_found_once_for_all_classes(case, monkeypatch):
    from radstore.texture import windows
    from radstore.texture.order import FAMILIES

    calls, discretise = [], windows.discretise
    monkeypatch.setattr(windows, "discretise", lambda *a, **k: (calls.append(k), discretise(*a, **k))[1])
    document = {"featureClass": {name: [] for name in FAMILIES}, "imageType": {"Original": {}}}
    Cpu().vector(*case, graph_of(**document))
    assert calls == [{"binWidth": 25.0}]


def test_what_cannot_be_filtered_is_recorded_for_each_feature():
    case = case_of((3, 12, 12), (0, 4, 4), (3, 4, 4))
    graph = graph_of(imageType={"Original": {}, "LoG": {"sigma": [1.0]}})
    got = Cpu().vector(*case, graph)
    logs = [name for name in graph.names if name.startswith("log")]
    assert list(got.failures) == logs
    assert all("at least 4" in why for why in got.failures.values())
    assert all(np.isnan(got.values[name]) for name in logs)
    assert not any(np.isnan(got.values[name]) for name in graph.names if name not in logs)


def test_running_out_of_memory_is_no_failure_of_a_feature(case, monkeypatch):
    from radstore.texture.windows import Windows

    def full(*args):
        raise MemoryError("no room")

    monkeypatch.setattr(Windows, "table", full)
    with pytest.raises(MemoryError, match="no room"):
        Cpu().vector(*case, graph_of())


def test_a_feature_that_no_engine_has_is_refused(case):
    graph = graph_of(imageType={"Original": {}})
    assert Cpu().refusals(graph) == {}
    plane = Node("feature", (("feature", "Perimeter"),), (Node("shape2D", (), (MASK,)),))
    wrong = Feature("original_shape2D_Perimeter", "shape2D", "Perimeter", MASK, plane)
    refused = Cpu().refusals(replace(graph, features=(*graph.features, wrong)))
    assert list(refused) == ["original_shape2D_Perimeter"]
    assert "force2D" in refused["original_shape2D_Perimeter"]


MARGINS = [
    {"imageType": {"Original": {}, "Gradient": {}, "LBP2D": {"binWidth": 1}, "LoG": {"sigma": [0.3]}}},
    {"setting": {"preCrop": True, "padDistance": 3}},
    {"setting": {"resampledPixelSpacing": [1, 2, 2], "padDistance": 2, "windowLevel": 0, "windowWidth": 90}},
]


@pytest.mark.parametrize("document", MARGINS, ids=["whole", "cropped", "resampled"])
@pytest.mark.parametrize("mode", ["roi", "voxel"])
def test_what_lies_beyond_the_margin_changes_nothing(mode, document):
    image, mask = case_of((60, 100, 105), (28, 48, 50), (5, 5, 6), spacing=(1.5, 1.5, 2.0))
    engine, graph = Cpu(), graph_of(mode, **document)
    margin = engine.margin(graph, image.geometry)
    kept = grown(bounding_box(mask.array), margin, image.array.shape)
    blank = np.zeros_like(image.array)
    blank[kept] = image.array[kept]
    assert (blank == 0).mean() > 0.1
    compute = engine.vector if mode == "roi" else engine.maps
    full, part = compute(image, mask, graph), compute(replace(image, array=blank), mask, graph)
    assert full.failures == part.failures == {}
    if mode == "roi":
        assert part.values == full.values
    else:
        np.testing.assert_array_equal(part.array, full.array)


@pytest.mark.parametrize(
    "document",
    [{"imageType": {"Square": {}}}, {"imageType": {"Wavelet": {}}}, {"setting": {"normalize": True}}],
    ids=str,
)
def test_there_is_no_margin_where_the_whole_image_matters(document, case):
    assert Cpu().margin(graph_of(**document), case[0].geometry) is None


def test_neither_pyradiomics_nor_simpleitk_is_imported():
    code = """
import sys
import numpy as np
from radstore.engines.native import Cpu
from radstore.graph import Graph
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec
filters = ["Original", "LoG", "Wavelet", "Square", "Gradient", "LBP2D", "LBP3D"]
spec = Spec.from_dict({
    "imageType": {name: {"sigma": [1.0]} if name == "LoG" else {} for name in filters},
    "featureClass": {name: [] for name in ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")},
    "setting": {"normalize": True, "binWidth": 0.2, "resampledPixelSpacing": [1] * 3, "resegmentRange": [-5]},
})
array = np.random.default_rng(0).normal(size=(12, 13, 14)).astype(np.float32)
mask = np.zeros(array.shape, np.uint8)
mask[3:9, 3:9, 3:9] = 1
grid = Geometry(array.shape[::-1])
got = Cpu().vector(Volume(array, grid), Volume(mask, grid), spec.graph("roi"))
assert not got.failures, got.failures
print([name for name in ("radiomics", "SimpleITK", "skimage", "trimesh") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
