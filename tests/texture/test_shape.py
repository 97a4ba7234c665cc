"""Shape features are PyRadiomics', of any region, in space and in one slice."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radstore.errors import RegionError, SpecError
from radstore.texture.names import FEATURES
from radstore.texture.shape import features

TOLERANCE = 1e-10
EVERY = {family: list(FEATURES[family]) for family in ("shape", "shape2D")}
AXES = ("AxisLength", "Elongation", "Flatness")

examples = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
spacings = st.tuples(*[st.sampled_from([1.0, 0.7, 2.5, 3.3, 0.123])] * 3)


def lines(shape, rng):
    """A straight line along one axis."""
    mask = np.zeros(shape, bool)
    where = [int(rng.integers(n)) for n in shape]
    where[rng.integers(3)] = slice(None)
    mask[tuple(where)] = True
    return mask


def diagonal(shape, rng):
    """Voxels that touch at corners only: a mesh with holes, and a covariance of rank one."""
    mask = np.zeros(shape, bool)
    n = range(min(shape))
    mask[n, n, n] = True
    return mask


def one_voxel(shape, rng):
    mask = np.zeros(shape, bool)
    mask[tuple(rng.integers(shape))] = True
    return mask


KINDS = {
    "one voxel": one_voxel,
    "line": lines,
    "diagonal": diagonal,
    "scattered": lambda shape, rng: rng.random(shape) < 0.2,
    "rough": lambda shape, rng: rng.random(shape) < 0.6,
    "solid": lambda shape, rng: rng.random(shape) < 0.95,
    "everything": lambda shape, rng: np.ones(shape, bool),
}


@st.composite
def masks(draw, thick=True):
    shape = draw(st.tuples(*[st.integers(1, 10)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if not thick:
        axis = draw(st.integers(0, 2))
        shape = (*shape[:axis], 1, *shape[axis + 1 :])
    mask = draw(st.sampled_from(list(KINDS.values())))(shape, rng)
    mask[tuple(n // 2 for n in shape)] |= not mask.any()
    return mask if thick else (mask, axis)


def assert_same(found, expected):
    """Equal to ten digits; what comes from eigenvalues, relative to the largest of them."""
    assert found.keys() == expected.keys()
    longest = expected["MajorAxisLength"]
    for name, value in expected.items():
        if not name.endswith(AXES):
            assert found[name] == pytest.approx(value, rel=TOLERANCE), name
        elif np.isnan(value):
            assert np.isnan(found[name]), name
        else:
            size = longest if name.endswith("AxisLength") else 1
            assert found[name] ** 2 == pytest.approx(value**2, rel=TOLERANCE, abs=1e-13 * size**2), name


@pytest.fixture(scope="session")
def library(theirs):
    """(mask, spacing, family, **settings) → feature → value, from PyRadiomics."""

    def answer(mask, spacing, family="shape", **asked):
        with np.errstate(invalid="ignore"):  # Elongation of one voxel is 0/0
            return theirs(mask.astype(np.float32), mask, family, spacing=spacing, **asked)

    return answer


@examples
@given(mask=masks(), spacing=spacings)
def test_regions(mask, spacing, library):
    assert_same(features(mask, spacing, EVERY["shape"]), library(mask, spacing))


@examples
@given(case=masks(thick=False), spacing=spacings)
def test_slices(case, spacing, library):
    mask, axis = case
    asked = {"force2D": True, "force2Ddimension": axis}
    found = features(mask, spacing, EVERY["shape2D"], "shape2D", asked)
    assert_same(found, library(mask, spacing, "shape2D", **asked))


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("pyradiomics_cases/brain1_label.nrrd", 1),
        ("pyradiomics_cases/breast1_label.nrrd", 1),
        ("pyradiomics_cases/lung1_crop_label.nrrd", 1),
        ("sts_ct/STS_008_mask.nii.gz", 1),
        ("sts_ct/STS_019_mask.nii.gz", 1),
        ("totalsegmentator/example_seg.nii.gz", 7),
        ("amos_label/amos_0013_label.nii.gz", 4),
    ],
)
def test_real_regions(file, label, shared_data, library):
    image = sitk.ReadImage(shared_data / file)
    mask = sitk.GetArrayFromImage(image) == label
    assert_same(features(mask, image.GetSpacing(), EVERY["shape"]), library(mask, image.GetSpacing()))


def test_one_voxel_is_an_octahedron():
    found = features(np.ones((1, 1, 1), bool), (2, 2, 2), EVERY["shape"])
    assert found["MeshVolume"] == pytest.approx(8 / 6)
    assert found["SurfaceArea"] == pytest.approx(4 * np.sqrt(3))
    assert found["VoxelVolume"] == 8
    assert found["Maximum3DDiameter"] == 2
    assert found["MajorAxisLength"] == found["LeastAxisLength"] == 0
    assert np.isnan([found["Elongation"], found["Flatness"]]).all()


@examples
@given(mask=masks(), before=st.integers(0, 3), after=st.integers(0, 3))
def test_the_grid_around_a_region_changes_nothing(mask, before, after):
    alone, inside = (
        features(m, (0.7, 1, 2.5), EVERY["shape"]) for m in (mask, np.pad(mask, (before, after)))
    )
    np.testing.assert_array_equal(list(alone.values()), list(inside.values()))


@examples
@given(mask=masks(), axes=st.permutations([0, 1, 2]), spacing=spacings)
def test_turning_the_axes_turns_the_plane_diameters(mask, axes, spacing):
    names = ["Maximum2DDiameterSlice", "Maximum2DDiameterColumn", "Maximum2DDiameterRow"]
    here = features(mask, spacing, [*names, "Maximum3DDiameter"])
    zyx = spacing[::-1]
    turned = tuple(zyx[a] for a in axes)[::-1]
    there = features(mask.transpose(axes), turned, [*names, "Maximum3DDiameter"])
    assert [there[name] for name in names] == pytest.approx([here[names[a]] for a in axes], rel=1e-14)
    assert there["Maximum3DDiameter"] == pytest.approx(here["Maximum3DDiameter"], rel=1e-14)


@pytest.mark.parametrize("radius", [9, 30])
def test_a_ball_and_its_diameter(radius):
    z, y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    found = features(x**2 + y**2 + z**2 <= radius**2, (1, 1, 1), EVERY["shape"])
    assert found["Maximum3DDiameter"] == pytest.approx(2 * radius + 1, rel=0.01)
    assert found["MeshVolume"] == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
    assert found["Elongation"] == pytest.approx(1)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_what_is_not_zero_is_inside(kind):
    mask = np.zeros((4, 5, 6), kind)
    mask[1:3, 2:4, 1:5] = 7
    found, expected = (features(m, (1, 1, 1), EVERY["shape"]) for m in (mask, mask > 0))
    assert found == expected


def test_a_mask_on_a_device_is_copied_once(emulated):
    mask = np.pad(np.ones((2, 3, 4), bool), 5)
    found = features(emulated.asarray(mask), (1, 1, 1), EVERY["shape"])
    assert found == features(mask, (1, 1, 1), EVERY["shape"])
    assert emulated.ledger.downloads == [mask.nbytes]


def test_an_empty_mask_is_refused():
    with pytest.raises(RegionError, match="empty"):
        features(np.zeros((3, 3, 3), bool), (1, 1, 1), ["MeshVolume"])


def test_a_slice_needs_force2d_and_one_slice():
    flat = np.ones((1, 4, 4), bool)
    with pytest.raises(SpecError, match="force2D"):
        features(flat, (1, 1, 1), ["Perimeter"], "shape2D")
    with pytest.raises(RegionError, match="4 voxels thick along axis 1"):
        features(flat, (1, 1, 1), ["Perimeter"], "shape2D", {"force2D": True, "force2Ddimension": 1})


NOT_OF_PYRADIOMICS = {
    "morph_comp_1": "Compactness1",
    "morph_comp_2": "Compactness2",
    "morph_sph_dispr": "SphericalDisproportion",
}


def test_the_digital_phantom_of_ibsi(shared_data, shared_reference):
    """All agree with `ibsi`; without it two of the axis lengths, over n instead of n − 1, do not."""
    image = sitk.ReadImage(shared_data / "ibsi1_digital_phantom" / "mask.nii.gz")
    mask = sitk.GetArrayFromImage(image) == 1
    found = {
        ibsi: features(mask, image.GetSpacing(), EVERY["shape"], settings={"ibsi": ibsi})
        for ibsi in (False, True)
    }
    with (shared_reference / "ibsi1_reference.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["case"] == "ibsi1_digital_phantom"]
    checked, off = set(), set()
    for row in rows:
        name = row["pyradiomics_feature"].removeprefix("shape_") or NOT_OF_PYRADIOMICS.get(row["tag"])
        if row["family"] == "morphology" and name:
            assert found[True][name] == pytest.approx(float(row["value"]), abs=float(row["tolerance"])), name
            checked.add(name)
            if abs(found[False][name] - float(row["value"])) > float(row["tolerance"]):
                off.add(name)
    assert len(checked) >= 13
    assert off == {"MinorAxisLength", "LeastAxisLength"}


def test_ibsi_axes_of_one_voxel_are_undefined():
    found = features(np.ones((1, 1, 1), bool), (1, 1, 1), ["MajorAxisLength"], settings={"ibsi": True})
    assert np.isnan(found["MajorAxisLength"])
