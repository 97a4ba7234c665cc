"""The same arrays as nnU-Net's own preprocessing; everything in its place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import fusion.nnunet  # noqa: F401
from fusion.inputs import Inputs
from fusion.recipe import KEY, Channel, Recipe
from fusion.roi import Roi
from fusion.samples import Sample, make_sample
from fusion.samples.frame import cropped, reordered
from radstore.errors import BadInput, CaseError, RegionError
from radstore.images.itk import to_itk
from radstore.images.volume import Geometry, Volume

LABELS = {"background": 0, "lesion": 1, "veins": 2, "arteries": 3, "parenchyma": 4, "duct": 5, "bile_duct": 6}
ROI = Roi("margins", (3.0, 2.0, 2.5))
STAGE2 = Recipe(stage=2, fold=0, roi=ROI)
GRIDS = {
    "finer": (1.1, 0.5, 0.6),
    "coarser": (4.5, 2.0, 1.9),  # one axis apart: nnU-Net resamples it separately
    "the same": (2.5, 0.9, 0.8),
}


def stock(ct: Volume, labels: Volume | None, plans: dict[str, Any], folder: Any) -> tuple[Any, Any, Any]:
    """What nnU-Net makes of the files."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    names = [str(folder / "ct.mha"), str(folder / "labels.mha")]
    for name, volume in zip(names, (ct, labels), strict=True):
        if volume is not None:
            sitk.WriteImage(to_itk(volume), name)
    manager = PlansManager(plans)
    data, seg, properties = DefaultPreprocessor(verbose=False).run_case(
        names[:1],
        names[1] if labels else None,
        manager,
        manager.get_configuration("3d_fullres"),
        {"labels": LABELS},
    )
    return data, seg.clip(0), properties  # −1 outside of what is not zero: background when training


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("grid", GRIDS)
def test_stage_1_is_nnunets_own_preprocessing(
    grid: str, order: tuple[int, int, int], tiny: SimpleNamespace, tmp_path: Any
) -> None:
    ct = tiny.ct()
    labels = tiny.labels(ct)
    z, y, x = (GRIDS[grid][axis] for axis in order)
    plans = tiny.plans((z, y, x), order)
    data, seg, properties = stock(ct, labels, plans, tmp_path)
    sample = make_sample(ct, plans, labels=labels)
    assert sample.data.dtype == data.dtype == np.float32
    np.testing.assert_array_equal(sample.data, data)
    np.testing.assert_array_equal(sample.seg, seg)
    for name, value in sample.properties.items():
        if name in properties and name != "sitk_stuff":
            assert np.array_equal(value, properties[name]), name
    found = class_sizes(sample)
    assert found == {label: len(rows) for label, rows in properties["class_locations"].items() if len(rows)}


def class_sizes(sample: Sample) -> dict[int, int]:
    assert sample.locations is not None
    labels, counts = np.unique(sample.locations[:, 0], return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_stage_2_is_nnunets_preprocessing_of_the_crop(
    order: tuple[int, int, int], tiny: SimpleNamespace, tmp_path: Any
) -> None:
    ct = tiny.ct()
    labels, region = tiny.labels(ct), tiny.region(ct)
    plans = tiny.plans((1.3, 0.6, 0.7), order, STAGE2)
    box = ROI.box(region)
    data, seg, _ = stock(cropped(ct, box), cropped(labels, box), plans, tmp_path)
    sample = make_sample(ct, plans, region=region, maps=tiny.maps(ct), labels=labels)
    np.testing.assert_array_equal(sample.data[:1], data)
    np.testing.assert_array_equal(sample.seg, seg)
    assert sample.names == ("CT", "ramp", "flat")


def test_borders_of_zeros_are_cut_off_as_nnunet_does(tiny: SimpleNamespace, tmp_path: Any) -> None:
    ct = tiny.ct()
    ct.array[:2] = 0
    ct.array[:, :, -5:] = 0
    ct.array[5, :4] = 0  # a hole at the border, where nnU-Net's labels are −1
    labels = tiny.labels(ct)
    plans = tiny.plans((2.0, 1.0, 1.0))
    data, seg, properties = stock(ct, labels, plans, tmp_path)
    sample = make_sample(ct, plans, labels=labels)
    np.testing.assert_array_equal(sample.data, data)
    np.testing.assert_array_equal(sample.seg, seg)
    assert sample.properties["bbox_used_for_cropping"] == [[2, 14], [0, 24], [0, 23]]
    assert sample.properties["bbox_used_for_cropping"] == properties["bbox_used_for_cropping"]


def test_a_ct_of_nothing_but_zeros(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    ct.array[:] = 0
    sample = make_sample(ct, tiny.plans((2.5, 0.9, 0.8)))
    assert sample.data.shape == (1, 14, 24, 28)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_a_ramp_in_the_patient_stays_where_it_was(order: tuple[int, int, int], tiny: SimpleNamespace) -> None:
    """Positions in mm are carried through crop, transposition and resampling, on an oblique grid."""
    ct = tiny.ct()
    maps = tiny.maps(ct)
    plans = tiny.plans((1.3, 0.6, 0.7), order, STAGE2)
    sample = make_sample(ct, plans, region=tiny.region(ct), maps=maps)
    assert sample.geometry is not None
    back = reordered(Volume(sample.data[1], sample.geometry), np.argsort(order).tolist())
    where = np.meshgrid(*back.geometry.coords().values(), indexing="ij")
    expected = sum(factor * mm for factor, mm in zip((2, 3, 5), where, strict=True))
    inside = np.isfinite(back.array)
    assert inside.sum() > 1000
    np.testing.assert_allclose(back.array[inside], expected[inside], rtol=2e-6)
    flat = sample.data[2]
    assert np.all(flat[np.isfinite(flat)] == 7)


def test_maps_are_undefined_outside_the_region(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    plans = tiny.plans((1.3, 0.6, 0.7), recipe=STAGE2)
    sample = make_sample(ct, plans, region=tiny.region(ct), maps=tiny.maps(ct))
    assert sample.region is not None
    assert 0 < sample.region.mean() < 1
    assert np.all(np.isnan(sample.data[1:, sample.region == 0]))
    assert np.all(np.isfinite(sample.data[1:, sample.region == 1]))
    assert np.all(np.isfinite(sample.data[0]))


def test_a_region_at_the_border_of_the_ct_keeps_its_corner(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    everywhere = Volume(np.ones(ct.array.shape, np.uint8), ct.geometry)
    sample = make_sample(ct, tiny.plans((0.4, 0.3, 0.3), recipe=STAGE2), region=everywhere)
    assert sample.region is not None
    assert sample.region.all()


def test_nnunets_exporter_puts_a_prediction_back(tiny: SimpleNamespace) -> None:
    from nnunetv2.inference.export_prediction import (
        convert_predicted_logits_to_segmentation_with_correct_shape,
    )
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    ct = tiny.ct()
    labels, region = tiny.labels(ct), tiny.region(ct)
    plans = tiny.plans((1.3, 0.9, 0.8), (2, 0, 1), STAGE2)
    sample = Sample.from_block(make_sample(ct, plans, region=region, labels=labels).to_block())
    manager = PlansManager(plans)
    assert sample.seg is not None
    logits = (sample.seg == np.arange(7)[:, None, None, None]).astype(np.float32)
    found = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        manager,
        manager.get_configuration("3d_fullres"),
        manager.get_label_manager({"labels": LABELS}),
        dict(sample.properties),
        num_threads_torch=1,
    )
    box = ROI.box(region)
    assert found.shape == ct.array.shape
    assert np.mean(found[box] == labels.array[box]) > 0.85
    found[box] = 0
    assert not found.any()


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_few_slices(slices: int, tiny: SimpleNamespace) -> None:
    """Where nnU-Net's rule would leave no slice, one is left."""
    ct = tiny.ct((28, 24, slices))
    sample = make_sample(ct, tiny.plans((9.0, 0.9, 0.8)), labels=tiny.labels(ct))
    assert sample.data.shape == (1, max(1, round(slices * 2.5 / 9)), 24, 28)
    assert np.all(np.isfinite(sample.data))


def test_labels_outside_the_plan(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    labels = tiny.labels(ct)
    labels.array[0, 0, :3] = 7
    labels.array[0, 1, 0] = 8
    sample = make_sample(ct, tiny.plans((2.5, 0.9, 0.8)), labels=labels)
    assert sample.properties["stray_labels"] == {"7": 3, "8": 1}
    assert sample.seg is not None
    assert set(np.unique(sample.seg)) == {0, 1, 2, 4}
    labels.array[3, 3, 3] = 9
    with pytest.raises(
        CaseError, match=r"labels.nii.gz: label value 9 \(1 voxels\) is not in the plan"
    ) as told:
        make_sample(ct, tiny.plans((2.5, 0.9, 0.8)), labels=labels)
    assert told.value.step == "labels"


def test_a_label_too_small_for_the_grid_is_told(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    labels = Volume(np.zeros(ct.array.shape, np.uint8), ct.geometry)
    labels.array[5:9, 5:15, 5:15] = 4
    labels.array[3, 3, 3] = 1
    sample = make_sample(ct, tiny.plans((9.0, 4.5, 4.5)), labels=labels)
    assert sample.properties["vanished_labels"] == [1]


def test_prediction_sees_what_training_saw(tiny: SimpleNamespace) -> None:
    """Labels or not, through the store's block or not, more maps or in another order: the same input."""
    ct = tiny.ct()
    region, maps = tiny.region(ct), tiny.maps(ct)
    recipe = replace(
        STAGE2, inputs=Inputs("ct+maps"), maps=(Channel("flat", 1.0, 2.0), Channel("ramp", 0.0, 9.0))
    )
    plans = tiny.plans((1.3, 0.6, 0.7), recipe=recipe)
    trained = Sample.from_block(
        make_sample(ct, plans, region=region, maps=maps, labels=tiny.labels(ct)).to_block()
    )
    predicted = make_sample(ct, plans, region=region, maps=maps.isel(feature=[1, 0]))
    one, other = (recipe.network_input(s.data, s.names, s.region) for s in (trained, predicted))
    assert predicted.names == ("CT", "flat", "ramp")
    np.testing.assert_array_equal(one, other)


def test_what_is_refused(tiny: SimpleNamespace) -> None:
    ct = tiny.ct()
    region, maps = tiny.region(ct), tiny.maps(ct, spec="a" * 64)
    plans = tiny.plans((1.3, 0.6, 0.7), recipe=STAGE2)
    with pytest.raises(BadInput, match=r"ct.nii.gz: Stage 2 needs a region"):
        make_sample(ct, plans)
    with pytest.raises(BadInput, match="Stage 1 has no maps"):
        make_sample(ct, tiny.plans((1.3, 0.6, 0.7)), maps=maps)
    other = tiny.plans((1.3, 0.6, 0.7), recipe=replace(STAGE2, spec_hash="b" * 64))
    with pytest.raises(BadInput, match=r"maps are of spec aaaaaaaaaaaa, the model's are of bbbbbbbbbbbb"):
        make_sample(ct, other, region=region, maps=maps)
    with pytest.raises(BadInput, match="is empty"):
        make_sample(ct, plans, region=Volume(np.zeros_like(region.array), ct.geometry))
    with pytest.raises(BadInput, match="no configuration '3d_lowres'"):
        make_sample(ct, plans, region=region, configuration="3d_lowres")
    straight = maps.assign_attrs(
        geometry=maps.attrs["geometry"] | {"direction": list(Geometry((1, 1, 1)).direction)}
    )
    with pytest.raises(BadInput, match="axes of two grids differ"):
        make_sample(ct, plans, region=region, maps=straight)
    moved = Volume(region.array, replace(ct.geometry, origin=(0.0, 0.0, 0.0)), "moved.nii.gz")
    with pytest.raises(RegionError, match=r"moved.nii.gz: not on the grid of ct.nii.gz: origin"):
        make_sample(ct, plans, region=moved)
    with pytest.raises(RegionError, match=r"moved.nii.gz: not on the grid"):
        make_sample(ct, plans, region=region, labels=moved)
    del plans[KEY]
    with pytest.raises(BadInput, match="not trained by `fusion`"):
        make_sample(ct, plans)


def test_plans_that_are_not_for_a_ct_are_refused(tiny: SimpleNamespace) -> None:
    plans = tiny.plans((1.3, 0.6, 0.7))
    chosen = plans["configurations"]["3d_fullres"]
    chosen["normalization_schemes"] = ["ZScoreNormalization"]
    with pytest.raises(BadInput, match="by ZScoreNormalization, not as a CT"):
        make_sample(tiny.ct(), plans)
    chosen["spacing"] = [0.6, 0.7]
    with pytest.raises(BadInput, match="is 2-D"):
        make_sample(tiny.ct(), plans)
