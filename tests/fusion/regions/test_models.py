"""Stage-1 models are found by the folds they held out, and say whom they trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.recipe import NO_FOLD, Recipe

pytest.importorskip("torch")

from fusion.regions import RegionRule, region_from_labels
from fusion.regions.models import (  # nnunetv2 comes with it
    Stage1Models,
    patients_trained_on,
    stage1_folder,
)
from radstore.errors import BadInput
from radstore.images.read import read_image
from radstore.store.regions import region_of


def test_where_they_lie(tmp_path: Path) -> None:
    assert stage1_folder(tmp_path, (2,)) == tmp_path / "stage1" / "chain2"
    assert stage1_folder(tmp_path, (0, 3)) == tmp_path / "stage1" / "chain0-without3"


@pytest.mark.parametrize(
    ("held", "said"), [((1,), "--stage 1 --fold 1`"), ((0, 1), "--stage 1 --fold 0 --without 1`")]
)
def test_one_that_is_not_there(tmp_path: Path, held: tuple[int, ...], said: str) -> None:
    import torch

    with pytest.raises(BadInput, match=said):
        Stage1Models(tmp_path, torch.device("cpu"))(held)


def test_the_folds_a_recipe_held_out() -> None:
    assert Recipe(1, 2).held_out == (2,)
    assert Recipe(1, 0, without=(2,)).held_out == (0, 2)
    assert Recipe(1, NO_FOLD).held_out == ()
    assert Recipe.from_json(Recipe(1, 0, without=(2,)).to_json()).without == (2,)


def test_whom_a_model_trained_on(cohort: Any) -> None:
    version, folds = cohort.snapshot.version.number, cohort.folds()
    patient = {case: cohort.snapshot.case(case).info["patient"] for case in folds}
    recipe = Recipe(1, 1, store=f"{cohort.store}@{version}")
    expected = {patient[case] for case, fold in folds.items() if fold != 1}
    assert patients_trained_on(recipe, cohort.store) == expected
    nested = Recipe(1, 1, without=(2,), store=recipe.store)
    assert patients_trained_on(nested, cohort.store) == {patient[c] for c, f in folds.items() if f == 0}


@pytest.mark.parametrize("store", ["", "elsewhere@3", "{store}@99", "{store}@x"])
def test_a_store_that_tells_nothing_of_it(cohort: Any, store: str) -> None:
    assert patients_trained_on(Recipe(1, 1, store=store.format(store=cohort.store)), cohort.store) is None


def test_a_trained_folder_predicts_regions(cohort: Any, write_stage1: Any, tmp_path: Path) -> None:
    import torch

    version = cohort.snapshot.version.number
    for fold in range(3):
        rule = RegionRule(dilate_mm=(0.0, 0.0, 0.0)).to_json()
        recipe = Recipe(1, fold, store=f"{cohort.store}@{version}", region_rule=rule)
        write_stage1(tmp_path / "models" / "stage1" / f"chain{fold}", recipe)
    report = cohort.predict(tmp_path / "models", 1, device="cpu")
    assert (report.failed, len(report.predicted)) == ({}, 8)
    assert not any("nothing says whom" in note for note in report.notes)
    model = Stage1Models(tmp_path / "models", torch.device("cpu"), cohort.store)((1,))
    image = read_image(cohort.root / "other" / "x0.nii.gz")
    found = region_of(cohort.snapshot, "x0", "stage1-fold1")
    assert (found.provenance["model"], found.provenance["held_out"]) == (model.digest, [1])
    expected, status = region_from_labels(model.labels(image), image, model.rule)
    np.testing.assert_array_equal(found.mask.array, expected.array)
    assert found.provenance["status"] == status


def test_a_folder_of_another_fold_is_refused(cohort: Any, write_stage1: Any, tmp_path: Path) -> None:
    for chain in range(3):
        write_stage1(tmp_path / "models" / "stage1" / f"chain{chain}", Recipe(1, 2))
    with pytest.raises(BadInput, match="'abacus' is no device"):
        cohort.predict(tmp_path / "models", 0, device="abacus")
    with pytest.raises(BadInput, match=r"chain0: its model did not hold out fold 0"):
        cohort.predict(tmp_path / "models", 0, device="cpu")


def test_a_stage_2_is_no_stage_1(cohort: Any, write_stage1: Any, tmp_path: Path) -> None:
    for fold in range(3):
        write_stage1(tmp_path / "models" / "stage1" / f"chain{fold}", Recipe(2, fold))
    with pytest.raises(BadInput, match="a model of stage 2, not of stage 1"):
        cohort.predict(tmp_path / "models", 0, device="cpu")


def test_a_model_that_is_missing_is_missed_at_once(cohort: Any, write_stage1: Any, tmp_path: Path) -> None:
    write_stage1(tmp_path / "models" / "stage1" / "chain0", Recipe(1, 0))
    version = cohort.snapshot.version.number
    with pytest.raises(BadInput, match="chain1 is not there"):
        cohort.predict(tmp_path / "models", 0, device="cpu")
    assert cohort.snapshot.version.number == version


def test_a_model_whose_plan_saw_all_folds_held_out_none(
    cohort: Any, write_stage1: Any, tmp_path: Path
) -> None:
    """Its normalisation and its fallback come from the held-out cases too."""
    for fold in range(3):
        write_stage1(tmp_path / "models" / "stage1" / f"chain{fold}", Recipe(1, fold, paper_mode=True))
    with pytest.raises(BadInput, match=r"its plan .* comes from all folds"):
        cohort.predict(tmp_path / "models", 0, device="cpu")
