"""What depends on what: keys change with what can change a number, and with nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radstore.engines.pyradiomics.library import library
from radstore.spec import Spec
from radstore.spec.settings import STAGES, UNHASHED, section

LEAVES = {"image": "i", "mask": "m"}
IMAGES = ["original", "log-sigma-1-0-mm-3D", "wavelet-LLH", "wavelet-LLL", "gradient", "lbp-2D", "square"]
FEATURES = [
    "firstorder_Mean",
    "firstorder_Entropy",
    "firstorder_Energy",
    "firstorder_Kurtosis",
    "glcm_JointEntropy",
    "glrlm_RunEntropy",
    "glszm_ZoneEntropy",
    "gldm_DependenceEntropy",
    "ngtdm_Coarseness",
]
SHAPES = ["original_shape_VoxelVolume", "original_shape_Sphericity", "original_shape_MajorAxisLength"]
NAMES = SHAPES + [f"{image}_{feature}" for image in IMAGES for feature in FEATURES]


def document(names=NAMES, filters=None, **settings):
    """A spec of exact names; settings go to their sections."""
    sections = {"setting": {}, "voxelSetting": {}}
    for name, value in settings.items():
        (sections[section(name)] if section(name) else sections)[name] = value
    return {"features": list(names), "imageType": filters or {}, **sections}


def recipes(file, mode="roi", leaves=LEAVES, version=lambda op: "1"):
    return Spec.from_dict(file).graph(mode).recipes(leaves, version)


def changed(before, after, mode="roi"):
    """The features whose keys differ."""
    old, new = recipes(before, mode), recipes(after, mode)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


# --- which keys a setting changes -------------------------------------------------------------------------


def family(*families):
    return lambda name: name.split("_")[1] in families


def image(*names):
    return lambda name: name.split("_")[0].split("-")[0] in names and not shape(name)


def binned(name):
    return not shape(name) and (family("firstorder")(name) <= name.endswith("Entropy"))


def shape(name):
    return family("shape", "shape2D")(name)


def anything(name):
    return True


def nothing(name):
    return False


def either(*conditions):
    return lambda name: any(condition(name) for condition in conditions)


def pixels(name):
    return not shape(name)


textures = family("glcm", "glrlm", "glszm", "gldm", "ngtdm")
RESAMPLED = {"resampledPixelSpacing": [1.5, 1.5, 1.5]}
CUT = {"resegmentRange": [-60, 60]}

# What ibsi changes by itself: grey levels, excess kurtosis, axis lengths, and the two filters it defines.
DEFINED = ("firstorder_Kurtosis", "shape_MajorAxisLength", "shape_MinorAxisLength", "shape_LeastAxisLength")
IBSI = {"ibsi": True, "weightingNorm": None}
# Setting → what else is set, another value, and the features it concerns.
ROI = {
    "ibsi": (
        {"weightingNorm": None},
        True,
        either(binned, image("log", "wavelet"), lambda name: name.endswith(DEFINED)),
    ),
    "boundary": (IBSI, "zero", image("log", "wavelet")),
    "rotationInvariant": (IBSI, True, image("wavelet")),
    "windowLevel": ({"windowLevel": 0, "windowWidth": 200}, 20, pixels),
    "windowWidth": ({"windowLevel": 0, "windowWidth": 200}, 100, pixels),
    "normalize": ({}, True, pixels),
    "normalizeScale": ({"normalize": True}, 100, pixels),
    "removeOutliers": ({"normalize": True}, 1.5, pixels),
    "resampledPixelSpacing": ({}, [1.5, 1.5, 1.5], anything),
    "interpolator": (RESAMPLED, "sitkLinear", pixels),
    "padDistance": (RESAMPLED, 1, anything),
    "preCrop": ({"padDistance": 1}, True, anything),
    "minimumROIDimensions": ({}, 3, anything),
    "minimumROISize": ({}, 5, anything),
    "resegmentRange": ({}, [-60, 60], anything),
    "resegmentMode": ({"resegmentRange": [-1, 1]}, "sigma", anything),
    "resegmentShape": (CUT, True, shape),
    "wavelet": ({}, "db2", image("wavelet")),
    "start_level": ({}, 1, image("wavelet")),
    "gradientUseSpacing": ({}, False, image("gradient")),
    "lbp2DRadius": ({}, 2, image("lbp")),
    "lbp2DSamples": ({}, 12, image("lbp")),
    "lbp2DMethod": ({}, "default", image("lbp")),
    "force2Ddimension": ({}, 1, image("lbp")),
    "binWidth": ({}, 10, binned),
    "binCount": ({}, 8, binned),
    "voxelArrayShift": ({}, 1000, lambda name: name.endswith("Energy")),
    "distances": ({}, [1, 2], family("glcm", "gldm", "ngtdm")),
    "symmetricalGLCM": ({}, False, family("glcm")),
    "weightingNorm": ({}, "euclidean", family("glcm", "glrlm")),
    "gldm_a": ({}, 1, family("gldm")),
    "kernelRadius": ({}, 2, nothing),
    "maskedKernel": ({}, False, nothing),
}
# What else can be set, and concerns no number by itself.
IDLE = {
    "boundary": ({}, "zero"),
    "rotationInvariant": ({}, True),
    "binWidth": ({"binCount": 16}, 10),
    "normalizeScale": ({}, 100),
    "removeOutliers": ({}, 2),
    "interpolator": ({}, "sitkLinear"),
    "padDistance": ({}, 3),
    "preCrop": (RESAMPLED, True),
    "resegmentMode": ({}, "sigma"),
    "resegmentShape": ({}, True),
    "label": ({}, 2),
    "label_channel": ({}, 1),
    "geometryTolerance": ({}, 0.1),
    "correctMask": ({}, True),
    "additionalInfo": ({}, False),
    "initValue": ({}, math.nan),
    "voxelBatch": ({}, 100),
}


@pytest.mark.parametrize("name", ROI)
def test_a_setting_changes_the_keys_it_concerns(name):
    base, value, concerned = ROI[name]
    assert changed(document(**base), document(**base | {name: value})) == set(filter(concerned, NAMES))


@pytest.mark.parametrize("name", IDLE)
def test_a_setting_without_effect_changes_no_key(name):
    base, value = IDLE[name]
    for mode in ("roi", "voxel"):
        assert changed(document(**base), document(**base | {name: value}), mode) == set()


@pytest.mark.parametrize("name", ROI)
def test_maps_depend_on_what_the_numbers_depend_on_and_on_the_window(name):
    base, value, concerned = ROI[name]
    if name in ("kernelRadius", "maskedKernel"):
        concerned = pixels
    names = [n for n in NAMES if not shape(n)]
    assert changed(document(**base), document(**base | {name: value}), "voxel") == set(
        filter(concerned, names)
    )


def test_every_setting_is_accounted_for():
    elsewhere = UNHASHED.keys() | {"force2D", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"}
    assert ROI.keys() | elsewhere == STAGES.keys()


@pytest.mark.parametrize("mode", ["roi", "voxel"])
def test_the_plane_concerns_whatever_has_neighbours(mode):
    names = [n for n in NAMES if "wavelet" not in n]
    windows = pixels if mode == "voxel" else textures
    flat = document(names, force2D=True)
    assert changed(document(names), flat, mode) == set(
        filter(windows, names if mode == "roi" else pixels_of(names))
    )
    turned = changed(flat, document(names, force2D=True, force2Ddimension=2), mode)
    assert turned == set(filter(either(windows, image("lbp")), pixels_of(names)))


def pixels_of(names):
    return [n for n in names if not shape(n)]


def test_the_plane_concerns_wavelets_and_flat_shapes():
    names = ["original_shape2D_Sphericity", "wavelet-LH_firstorder_Mean"]
    assert changed(document(names, force2D=True), document(names, force2D=True, force2Ddimension=1)) == set(
        names
    )


@pytest.mark.parametrize("name", ["lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"])
def test_settings_of_lbp3d(name):
    names = ["lbp-3D-m1_firstorder_Mean", "lbp-3D-k_firstorder_Mean", "original_firstorder_Mean"]
    assert changed(document(names), document(names, **{name: 3})) == set(names[:2])


# --- which keys stay ---------------------------------------------------------------------------------------


def test_an_image_types_own_setting_shields_it_from_the_global_one():
    own = {"LBP2D": {"binWidth": 1}}
    concerned = changed(document(filters=own), document(filters=own, binWidth=10))
    assert concerned == {name for name in NAMES if binned(name) and not image("lbp")(name)}
    assert changed(document(), document(filters=own)) == {n for n in NAMES if binned(n) and image("lbp")(n)}


def test_asking_for_more_changes_no_key():
    few = recipes(document(["log-sigma-1-0-mm-3D_glcm_MCC", "wavelet-LLH_glcm_MCC", "lbp-3D-m1_glcm_MCC"]))
    crossed = recipes(
        {
            "featureClass": {"glcm": [], "ngtdm": []},
            "imageType": {"LoG": {"sigma": [3.0, 1.0]}, "Wavelet": {"level": 2}, "LBP3D": {"lbp3DLevels": 4}},
        }
    )
    assert few.items() <= crossed.items()


def test_one_number_under_two_names_has_one_key():
    keys = recipes(document(["log-sigma-4-mm-3D_glcm_MCC", "log-sigma-4-0-mm-3D_glcm_MCC"]))
    assert len(set(keys.values())) == 1


@given(st.permutations(NAMES))
def test_order_is_not_in_the_keys(names):
    assert recipes(document(names)) == recipes(document())


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_part_has_the_keys_of_the_whole(names):
    graph = Spec.from_dict(document()).graph("roi")
    whole = recipes(document())
    assert graph.only(names).recipes(LEAVES, lambda op: "1") == {n: whole[n] for n in whole if n in names}


def test_different_numbers_have_different_keys():
    keys = recipes(document())
    assert len(set(keys.values())) == len(NAMES)
    assert not set(keys.values()) & set(recipes(document(), "voxel").values())


def test_what_is_read_is_in_the_keys():
    keys = recipes(document())
    other_image = recipes(document(), leaves={"image": "j", "mask": "m"})
    other_mask = recipes(document(), leaves={"image": "i", "mask": "n"})
    assert {n for n in NAMES if keys[n] != other_image[n]} == {n for n in NAMES if not shape(n)}
    assert all(keys[n] != other_mask[n] for n in NAMES)


def test_of_ibsi_only_the_lower_bound_of_the_range_itself_moves_bins():
    names = ["original_glcm_Imc1", "square_glcm_Imc1"]

    def origins(**settings):
        graph = Spec.from_dict(document(names, ibsi=True, **settings)).graph("roi")
        return [feature.node.chain()["binOrigin"] for feature in graph]

    assert origins() == [None, None]
    assert origins(resegmentRange=[-60, 60]) == [-60, None]  # another image's values have another range
    assert origins(resegmentRange=[-3, 3], resegmentMode="sigma") == [None, None]
    assert origins(resegmentRange=[-60, 60], binCount=8) == [None, None]


def test_the_morphological_mask_of_ibsi_does_not_depend_on_the_image():
    keys = recipes(document(**CUT, ibsi=True))
    other = recipes(document(**CUT, ibsi=True), leaves={"image": "j", "mask": "m"})
    assert {name for name in NAMES if keys[name] == other[name]} == set(SHAPES)


def test_resampled_by_ibsi_everything_changes_and_padding_matters_no_more():
    assert changed(document(**RESAMPLED, weightingNorm=None), document(**RESAMPLED, **IBSI)) == set(NAMES)
    assert not changed(document(**RESAMPLED, **IBSI), document(**RESAMPLED, **IBSI, padDistance=1))


def test_resegmentation_makes_shape_depend_on_the_image():
    keys = recipes(document(**CUT))
    assert all(
        keys[n] != key for n, key in recipes(document(**CUT), leaves={"image": "j", "mask": "m"}).items()
    )


@pytest.mark.parametrize(
    ("op", "concerned"),
    [
        ("glcm", family("glcm")),
        ("firstorder", family("firstorder")),
        ("discretise", binned),
        ("log", image("log")),
        ("wavelet", image("wavelet")),
        ("lbp2d", image("lbp")),
        ("shape", shape),
        ("roi", anything),
        ("feature", anything),
    ],
)
def test_a_new_version_of_an_operation_concerns_what_is_below_it(op, concerned):
    old, new = recipes(document()), recipes(document(), version=lambda o: "2" if o == op else "1")
    assert {n for n in NAMES if old[n] != new[n]} == set(filter(concerned, NAMES))


# --- what is shared ----------------------------------------------------------------------------------------


def test_features_share_what_they_have_in_common():
    names = [
        "wavelet-LLH_glcm_Imc1",
        "wavelet-LLH_glcm_Imc2",
        "wavelet-LLH_ngtdm_Strength",
        "wavelet-HHH_glcm_Imc1",
    ]
    imc1, imc2, strength, other = Spec.from_dict(document(names)).graph("roi")
    assert imc1.node.inputs == imc2.node.inputs
    (glcm,), (ngtdm,) = imc1.node.inputs, strength.node.inputs
    assert glcm.inputs == ngtdm.inputs  # one discretisation, one mask
    assert imc1.filtered.inputs == other.filtered.inputs  # one transform gives all bands


def test_maps_have_no_shape():
    graph = Spec.from_dict(document()).graph("voxel")
    assert graph.names == tuple(n for n in NAMES if not shape(n))


# --- what PyRadiomics really depends on --------------------------------------------------------------------


@pytest.fixture(scope="module")
def case():
    """A small image with everything in it that a setting could change: noise, slopes, uneven spacing."""
    z, y, x = np.indices((14, 15, 16))
    values = np.random.default_rng(1).normal(0, 60, z.shape) + 8 * (x - 8) + 5 * (z - 7)
    mask = (((z - 7) / 5) ** 2 + ((y - 7) / 4) ** 2 + ((x - 8) / 6) ** 2 < 1).astype("uint8")
    pair = sitk.GetImageFromArray(values.astype("int16")), sitk.GetImageFromArray(mask)
    for part in pair:
        part.SetSpacing((0.9, 1.1, 2.0))
    return pair


CROSSED = {
    "imageType": {
        "Original": {},
        "LoG": {"sigma": [1.0]},
        "Wavelet": {},
        "Gradient": {},
        "LBP2D": {},
        "Square": {},
    },
    "featureClass": {
        "shape": ["VoxelVolume", "Sphericity"],
        "firstorder": ["Mean", "Entropy", "Energy"],
        "glcm": ["JointEntropy"],
        "glrlm": ["RunEntropy"],
        "glszm": ["ZoneEntropy"],
        "gldm": ["DependenceEntropy"],
        "ngtdm": ["Coarseness"],
    },
}


def crossed(voxel=(), **settings):
    return CROSSED | {"setting": {"binWidth": 5} | settings, "voxelSetting": dict(voxel)}


def computed(file, case, voxel=False):
    """PyRadiomics' own values by name; of maps, those inside the region."""
    with library():
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        values = RadiomicsFeatureExtractor(file).execute(*case, voxelBased=voxel)
        values = {name: v for name, v in values.items() if not name.startswith("diagnostics_")}
        if not voxel:
            return {name: float(value) for name, value in values.items()}
        return {name: inside(value, case[1]) for name, value in values.items()}


def inside(result, mask):
    on_grid = sitk.Resample(mask, result, sitk.Transform(), sitk.sitkNearestNeighbor)
    return sitk.GetArrayFromImage(result)[sitk.GetArrayFromImage(on_grid) == 1]


def moved(before, after):
    """The features whose values differ by more than the order of a sum."""
    return {n for n in before if not np.allclose(before[n], after[n], rtol=1e-12, atol=0, equal_nan=True)}


OURS = {"windowLevel", "windowWidth", "boundary", "rotationInvariant"}
THEIRS = [name for name in ROI if section(name) == "setting" and name not in OURS]


@pytest.mark.parametrize("name", THEIRS)
def test_no_value_of_pyradiomics_changes_without_its_key(name, case):
    base, value, _ = ROI[name]
    before, after = crossed(**base), crossed(**base | {name: value})
    different = moved(computed(before, case), computed(after, case))
    assert different <= changed(before, after)
    assert different or name in ("minimumROIDimensions", "minimumROISize")  # which only refuse


def test_no_value_changes_with_an_idle_setting(case):
    for name in ("normalizeScale", "interpolator", "padDistance", "resegmentMode", "resegmentShape"):
        base, value = IDLE[name]
        assert not moved(computed(crossed(**base), case), computed(crossed(**base | {name: value}), case))


MAPS = {
    "featureClass": {
        "firstorder": ["Mean", "Entropy", "Energy"],
        "glcm": ["Contrast"],
        "glrlm": ["RunPercentage"],
        "glszm": ["ZonePercentage"],
        "gldm": ["DependenceVariance"],
        "ngtdm": ["Coarseness"],
    }
}


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ({}, {"kernelRadius": 2}),
        ({}, {"maskedKernel": False}),
        ({"maskedKernel": False}, {"kernelRadius": 2}),
        ({}, {"initValue": math.nan}),
        ({}, {"voxelBatch": 50}),
        ({}, {"binWidth": 50}),
        ({}, {"force2D": True}),
        ({"force2D": True}, {"force2Ddimension": 1}),
        ({}, {"voxelArrayShift": 100}),
        ({}, {"gldm_a": 1}),
        ({}, {"distances": [1, 2]}),
        ({}, {"symmetricalGLCM": False}),
        ({}, {"weightingNorm": "manhattan"}),
    ],
    ids=str,
)
def test_no_map_of_pyradiomics_changes_without_its_key(base, change, case):
    def file(**settings):
        parts = document([], **settings)
        return MAPS | {"setting": parts["setting"], "voxelSetting": parts["voxelSetting"]}

    before, after = file(**base), file(**base | change)
    different = moved(computed(before, case, voxel=True), computed(after, case, voxel=True))
    assert different <= changed(before, after, "voxel")
    assert different or change.keys() & UNHASHED.keys() or "symmetricalGLCM" in change
