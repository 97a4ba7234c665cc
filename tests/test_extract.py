from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.errors import EngineError, ReadError, RegionError
from radstore.extract import extract, features, maps
from radstore.images.itk import from_itk, to_itk
from radstore.images.read import read_image
from radstore.images.volume import Geometry, Volume
from radstore.images.write import write_volume
from radstore.inputs import prepare
from radstore.spec import Spec

FEATURES = ["original_firstorder_Mean", "original_glcm_Imc1", "original_shape_Sphericity"]


@pytest.fixture
def spec():
    return Spec.from_dict({"features": FEATURES, "setting": {"binWidth": 20}}, "small")


@pytest.fixture
def case():
    """An oblique CT and a label image with two labels."""
    rng = np.random.default_rng(0)
    geometry = Geometry((14, 12, 9), (0.9, 0.8, 2.5), (-20.0, 5.0, 60.0), (0, -1, 0, 1, 0, 0, 0, 0, 1))
    image = Volume(rng.integers(-80, 160, geometry.shape).astype(np.int16), geometry)
    labels = np.zeros(geometry.shape, np.uint8)
    labels[2:6, 3:9, 4:11] = 1
    labels[4:7, 2:5, 2:5] = 3
    return image, Volume(labels, geometry)


@pytest.fixture
def files(case, tmp_path):
    image, labels = case
    return write_volume(image, tmp_path / "ct.nrrd"), write_volume(labels, tmp_path / "labels.nii.gz")


def test_files_images_and_volumes_give_the_same(case, files, spec):
    image, labels = case
    from_files = extract(*files, spec, label=3)
    assert list(from_files.vector.values) == FEATURES
    for pair in (map(str, files), (image, labels), (to_itk(image), to_itk(labels))):
        assert extract(*pair, spec, label=3).vector.values == from_files.vector.values


def test_the_label_is_the_specs_unless_given(case):
    spec = Spec.from_dict({"features": FEATURES[:1], "setting": {"label": 3}})
    image, labels = case
    assert extract(*case, spec).series()[FEATURES[0]] == pytest.approx(image.array[labels.array == 3].mean())
    done = extract(*case, spec, label=1)
    assert done.label == 1
    assert done.series()[FEATURES[0]] == pytest.approx(image.array[labels.array == 1].mean())


def test_a_spec_file_is_read(case, tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text("features: [original_firstorder_Mean, original_ngtdm_Strength]\n")
    assert extract(*case, path).series().index.tolist() == [
        "original_firstorder_Mean",
        "original_ngtdm_Strength",
    ]


def test_a_channel_of_a_vector_mask(case):
    image, labels = case
    both = sitk.Compose(to_itk(Volume(1 - labels.array.clip(0, 1), labels.geometry)), to_itk(labels))
    spec = Spec.from_dict({"features": FEATURES[:1], "setting": {"label_channel": 1}})
    assert extract(image, both, spec).vector.values == extract(image, labels, spec).vector.values


def test_json_record_is_plain_json(files, spec):
    record = json.loads(json.dumps(extract(*files, spec).json_record(), allow_nan=False))
    assert record["image"] == str(files[0])
    assert record["mask"] == str(files[1])
    assert record["label"] == 1
    assert record["spec"]["hash"] == spec.hash
    assert record["spec"]["setting"]["binWidth"] == 20
    assert record["engine"]["name"] == "cpu"
    assert list(record["features"]) == FEATURES
    assert record["failures"] == {}


def test_json_record_has_null_and_a_reason_where_a_feature_failed(case):
    name = "log-sigma-40-0-mm-3D_glcm_Imc1"
    record = extract(*case, Spec.from_dict({"features": [name]}), maps=True).json_record()
    assert record["features"] == {name: None}
    assert "sigma" in record["failures"][name]


def test_csv_row_begins_as_pyradiomics_does(files, spec):
    done = extract(*files, spec)
    row = done.csv_row()
    assert list(row) == ["Image", "Mask", "Label", *FEATURES]
    assert row["Image"] == str(files[0])
    assert row[FEATURES[0]] == done.series()[FEATURES[0]]


def test_maps_are_written_with_their_geometry(case, tmp_path):
    image, _ = case
    spec = Spec.from_dict({"features": ["original_firstorder_Maximum", FEATURES[2]]})
    done = extract(*case, spec, label=3, maps=True)
    written = done.write_maps(tmp_path / "out")
    assert written == {"original_firstorder_Maximum": tmp_path / "out" / "original_firstorder_Maximum.nrrd"}
    back = read_image(written["original_firstorder_Maximum"])
    assert back.array.dtype == np.float32
    np.testing.assert_allclose(back.geometry.origin, image.geometry.point((2, 2, 4)))
    assert back.geometry.shape == (3, 3, 3)
    inside = done.maps.region == 1
    np.testing.assert_array_equal(back.array[inside], done.maps.array[0][inside])


@pytest.mark.parametrize(
    ("setting", "fill", "expected"), [({}, None, 0), ({"initValue": -5}, None, -5), ({}, 7, 7)]
)
def test_maps_are_filled_outside_the_region(setting, fill, expected, case, tmp_path):
    image, labels = case
    array = labels.array.copy()
    array[2, 3, 4] = 0  # a corner of the region's box
    spec = Spec.from_dict({"features": FEATURES[:1], "voxelSetting": setting})
    done = extract(image, Volume(array, labels.geometry), spec, maps=True)
    [path] = done.write_maps(tmp_path, fill=fill, suffix=".mha").values()
    assert read_image(path).array[0, 0, 0] == expected


def test_a_map_without_a_voxel_is_not_written(case, tmp_path):
    name = "log-sigma-40-0-mm-3D_glcm_Imc1"
    done = extract(*case, Spec.from_dict({"features": [name]}), maps=True)
    assert done.write_maps(tmp_path) == {}
    assert done.failures[name]


def test_without_maps_none_are_written(case, spec, tmp_path):
    done = extract(*case, spec)
    assert done.maps is None
    assert done.write_maps(tmp_path / "out") == {}
    assert not (tmp_path / "out").exists()


def test_a_region_of_several_labels(case, spec):
    image, labels = case
    got, mask = prepare(image, labels, [1, 3], spec.settings, name="both")
    assert got is image
    np.testing.assert_array_equal(mask.array, labels.array > 0)


def test_a_label_that_is_not_there_lists_those_that_are(files, spec):
    with pytest.raises(RegionError, match="it has 1, 3"):
        extract(*files, spec, label=9)


def test_labels_in_memory_are_whole_numbers_of_any_type(case, spec):
    image, mask = case
    expected = features(image, mask, spec)
    as_float = Volume(mask.array.astype(np.float32), mask.geometry)
    np.testing.assert_array_equal(features(image, as_float, spec), expected)
    np.testing.assert_array_equal(features(image, to_itk(as_float), spec), expected)
    for half in (replace(as_float, array=as_float.array * 1.5), to_itk(as_float) * 1.5):
        with pytest.raises(ReadError, match=r"no integers, such as 1\.5"):
            features(image, half, spec)


def test_grids_that_differ_need_tolerance_or_correction(case):
    image, labels = case
    moved = Volume(
        labels.array, Geometry((14, 12, 9), (0.9, 0.8, 2.5), (-20.001, 5.0, 60.0), labels.geometry.direction)
    )
    features = {"features": FEATURES[:1]}
    with pytest.raises(RegionError, match="not on its image's grid"):
        extract(image, moved, Spec.from_dict(features))
    expected = extract(image, labels, Spec.from_dict(features)).vector.values
    for setting in ({"geometryTolerance": 0.01}, {"correctMask": True}):
        spec = Spec.from_dict({**features, "setting": setting})
        assert extract(image, moved, spec).vector.values == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad, case, spec):
    image, labels = case
    array = image.array.astype(np.float32)
    array[0, 0, 0] = bad
    with pytest.raises(ReadError, match="NaN or infinite"):
        extract(Volume(array, image.geometry), labels, spec)


def test_two_dimensions_are_refused(case, spec):
    with pytest.raises(ReadError, match="2 dimensions"):
        extract(to_itk(case[0])[:, :, 3], case[1], spec)


def test_an_engine_that_is_not_there(case, spec):
    with pytest.raises(EngineError, match="no engine 'gpu'"):
        extract(*case, spec, engine="gpu")


@pytest.mark.parametrize(("engine", "rtol"), [("pyradiomics", 0), ("cpu", 1e-9)])
def test_pyradiomics_own_answer(engine, rtol, files, tmp_path):
    """The same numbers as the library gives for the same parameter file and the same files."""
    import warnings

    params = tmp_path / "params.yaml"
    params.write_text(
        "imageType: {Original: {}, Wavelet: {}}\n"
        "setting: {binWidth: 12, label: 3, resampledPixelSpacing: [1, 1, 2]}\n"
    )
    got = extract(*files, params, engine=engine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        theirs = RadiomicsFeatureExtractor(str(params), additionalInfo=False).execute(*map(str, files))
    ours = {name: value for name, value in got.vector.values.items() if name in theirs}
    assert len(ours) == len(theirs)
    expected = [float(theirs[name]) for name in ours]
    np.testing.assert_allclose(list(ours.values()), expected, rtol=rtol, atol=rtol)


def test_the_geometry_stays_the_images(case, spec):
    done = extract(*case, spec, maps=True)
    assert done.image_geometry == case[0].geometry
    assert done.maps.grid == from_itk(to_itk(case[0])).geometry


def test_features_and_maps_take_arrays_and_give_pandas_and_xarray() -> None:
    rng = np.random.default_rng(5)
    array = rng.normal(0, 50, (7, 9, 10)).astype(np.float32)
    mask = np.zeros(array.shape, np.uint8)
    mask[1:6, 2:7, 3:9] = 1
    spec = Spec.from_dict({"features": ["original_firstorder_Mean", "original_shape_VoxelVolume"]})
    series = features(array, mask, spec, spacing=(1.0, 1.0, 2.0))
    assert series["original_firstorder_Mean"] == pytest.approx(array[mask == 1].mean(), rel=1e-6)
    assert series["original_shape_VoxelVolume"] == 2.0 * mask.sum()
    dataset = maps(array, mask, spec, spacing=(1.0, 1.0, 2.0))
    assert list(dataset) == ["original_firstorder_Mean"]
    assert dataset["original_firstorder_Mean"].shape == (5, 5, 6)
    np.testing.assert_allclose(np.diff(dataset["z"]), 2.0)
    assert dataset["z"].attrs["units"] == "mm"


def test_an_array_of_another_dimension_is_refused() -> None:
    with pytest.raises(ReadError, match="2 dimensions"):
        features(
            np.zeros((4, 4)), np.ones((4, 4), np.uint8), Spec.from_dict({"featureClass": {"glcm": None}})
        )


FLAT = ["original_firstorder_Mean", "original_firstorder_Entropy", "original_glcm_Imc1"]


@pytest.mark.parametrize("engine", ["cpu", "pyradiomics"])
@pytest.mark.parametrize("function", [features, maps])
def test_one_grey_level_is_told_and_is_no_failure(function, engine, case):
    document = {"features": FLAT, "setting": {"binWidth": 5000}, "voxelSetting": {"kernelRadius": 1}}
    shifted = Volume(case[0].array + 1000, case[0].geometry)  # else 0 parts the bins
    told = (
        "original_firstorder_Entropy, original_glcm_Imc1: the region has one grey level \\(binWidth 5000\\)"
    )
    with pytest.warns(RuntimeWarning, match=told):
        function(shifted, case[1], document, engine=engine)
    done = extract(shifted, case[1], document, engine=engine, maps=True)
    assert list(done.notes) == FLAT[1:]
    assert not done.failures


def test_features_that_fail_are_told(case):
    name = "log-sigma-40-0-mm-3D_glcm_Imc1"
    for function in (features, maps):
        with pytest.warns(RuntimeWarning, match=f"not computed: {name}: .*sigma"):
            found = function(*case, {"features": [name]})
        assert np.isnan(np.asarray(found[name])).all()


def test_a_mapping_is_a_spec(case, spec):
    document = {"features": FEATURES, "setting": {"binWidth": 20}}
    assert extract(*case, document).vector.values == extract(*case, spec).vector.values


def test_maps_alone_need_no_vector(case, monkeypatch):
    monkeypatch.setattr("radstore.engines.native.Cpu.vector", None)
    assert list(maps(*case, {"features": FEATURES[:1]}, engine="cpu")) == FEATURES[:1]


def test_a_mask_in_memory_is_called_the_mask(case, spec):
    image, labels = case
    with pytest.raises(RegionError, match="no voxel of the mask has a label value of 9"):
        extract(image, labels, spec, label=9)
