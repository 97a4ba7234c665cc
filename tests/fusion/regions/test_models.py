"""Stage-1 models are found by the folds they held out, and say whom they trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusion.recipe import Recipe

pytest.importorskip("torch")

from fusion.regions.models import (  # nnunetv2 comes with it
    Stage1Models,
    folds_held_out,
    patients_trained_on,
    stage1_folder,
)
from radstore.errors import BadInput


def test_where_they_lie(tmp_path: Path) -> None:
    assert stage1_folder(tmp_path, (2,)) == tmp_path / "stage1" / "chain2"
    assert stage1_folder(tmp_path, (0, 3)) == tmp_path / "stage1" / "chain0-without3"


@pytest.mark.parametrize(("held", "said"), [((1,), "--stage 1 --fold 1"), ((0, 1), "without folds 0 and 1")])
def test_one_that_is_not_there(tmp_path: Path, held: tuple[int, ...], said: str) -> None:
    import torch

    with pytest.raises(BadInput, match=said):
        Stage1Models(tmp_path, torch.device("cpu"))(held)


def test_the_folds_a_recipe_held_out() -> None:
    assert folds_held_out(Recipe(1, 2)) == (2,)
    assert folds_held_out(Recipe(1, 2, without=(0,))) == (0, 2)
    assert folds_held_out(Recipe(1, -1)) == ()
    assert Recipe.from_json(Recipe(1, 2, without=(0,)).to_json()).without == (0,)


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
