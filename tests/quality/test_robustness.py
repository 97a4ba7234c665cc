from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.catalog import Case
from radstore.errors import BadInput
from radstore.quality.perturbations import Strengths
from radstore.quality.robustness import robustness
from radstore.spec import Spec

SPEC = Spec.from_dict(
    {
        "features": ["original_firstorder_Mean", "original_glcm_Contrast", "original_shape_MeshVolume"],
        "setting": {"binWidth": 20},
    }
)
KINDS = ("as it is", "dilate", "erode", "shift", "contour", "noise", "finer", "coarser")


def measured(cases: list[Case], **keywords: Any) -> Any:
    return robustness(cases, SPEC, "ball", engine="cpu", **{"jobs": 1, **keywords})


def test_each_perturbation_does_what_it_is_called(tissue: list[Case]) -> None:
    found = measured(tissue)
    assert found.kinds == KINDS
    assert found.values.shape == (6, 8, 3)
    volume = dict(zip(KINDS, found.values[:, :, 2].T, strict=True))
    assert (volume["dilate"] > volume["as it is"]).all()
    assert (volume["erode"] < volume["as it is"]).all()
    np.testing.assert_array_equal(volume["noise"], volume["as it is"])  # the mask is the same
    np.testing.assert_allclose(volume["finer"], volume["as it is"], rtol=0.1)
    contrast = dict(zip(KINDS, found.values[:, :, 1].T, strict=True))
    assert contrast["noise"].mean() > contrast["as it is"].mean()


def test_the_same_for_any_number_of_processes(tissue: list[Case]) -> None:
    one, two = measured(tissue), measured(tissue[::-1], jobs=2)
    assert one.cases == two.cases
    np.testing.assert_array_equal(one.values, two.values)
    assert (measured(tissue, seed=1).values != one.values).any()


def test_the_table(tissue: list[Case]) -> None:
    found = measured(tissue, strengths=Strengths(contour=0, resample=0))
    table = found.table()
    assert list(table.index) == list(SPEC.names)
    assert list(table.columns[-4:]) == ["icc_dilate", "icc_erode", "icc_shift", "icc_noise"]
    assert table.loc["original_shape_MeshVolume", "icc_noise"] == 1
    assert (table["icc_low"] <= table["icc"]).all()
    assert (table["cases"] == 6).all()
    np.testing.assert_array_equal(table["icc"], found.icc.value)


def test_a_mask_that_is_eroded_away_is_told_and_left_out(tissue: list[Case]) -> None:
    found = measured(
        tissue, strengths=Strengths(erode=6.5, dilate=0, shift=0, contour=0, noise=0, resample=0)
    )
    assert any("nothing is left" in note for note in found.notes)
    assert np.isnan(found.values).any()
    assert (found.icc.cases < 6).all()


def test_what_cannot_be_measured(tissue: list[Case], tmp_path: Path) -> None:
    broken = replace(tissue[0], id="broken", image=tmp_path / "none.nii.gz")
    assert list(measured([broken, *tissue[:2]]).failed) == ["broken"]
    with pytest.raises(BadInput, match="1 of 2 cases could be measured"):
        measured([broken, tissue[0]])
    nothing = Strengths(dilate=0, erode=0, shift=0, contour=0, noise=0, resample=0)
    with pytest.raises(BadInput, match="all perturbations are left out"):
        measured(tissue, strengths=nothing)
