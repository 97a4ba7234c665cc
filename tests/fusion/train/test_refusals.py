"""What does not fit is refused before anything is trained."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from fusion.recipe import KEY
from radstore.errors import BadInput


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"init_from": "gone.pth"}, "gone.pth does not exist"),
        ({"fold": 1}, "no plan of stage 2, fold 1"),
        ({"inputs": "ct+map"}, "is no row of the ablation"),
        ({"channels": ["original_glcm_Imc2"]}, "no map 'original_glcm_Imc2'"),
        ({"ddp": True}, "no `torchrun` started this process"),
        ({"optimiser": "adam"}, "--optimiser 'adam' is not known"),
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"missing": 1.0}, "missing is 1.0"),
        ({"without": 1}, "--without 1 of stage 2"),
        ({"device": "gpu"}, "--device 'gpu'"),
    ],
)
def test_what_does_not_fit_is_refused(cohort: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        cohort.train(**change)


def test_a_gpu_that_is_not_there_is_refused(cohort: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="--device cuda"):
        cohort.train(device="cuda")
    assert not (cohort.models / "stage2").exists()


def test_a_region_that_is_not_out_of_fold_is_refused(cohort: Any) -> None:
    cohort.commit({"case1": 1}, held_out=2)
    with pytest.raises(BadInput, match=r"case1\): its model did not hold out fold 1"):
        cohort.train()
    assert not (cohort.models / "stage2").exists()


def test_a_nested_plan_trains_on_nested_regions_only(cohort: Any) -> None:
    cohort.plan(nested=True)
    with pytest.raises(BadInput, match="its model did not hold out fold 0"):
        cohort.train()
    assert not (cohort.models / "stage2").exists()


def test_cases_that_were_split_again_are_refused(cohort: Any) -> None:
    """Fold 0 of another split is other cases, which the plan's numbers come from."""
    file = cohort.models / "plans" / "stage2-fold0" / "plans.json"
    plans = json.loads(file.read_text())
    plans[KEY]["split"] = "another"
    file.write_text(json.dumps(plans))
    with pytest.raises(BadInput, match="split again since stage 2, fold 0, was planned"):
        cohort.train()


def test_a_fold_without_cases_is_refused(cohort: Any) -> None:
    cohort.commit({f"case{number}": number % 2 + 1 for number in range(8)})
    with pytest.raises(BadInput, match=r"fold 0 holds out no case .*\(its cases are of folds \[1, 2\]\)"):
        cohort.train()
    cohort.commit({f"case{number}": 0 for number in range(8)})
    with pytest.raises(BadInput, match=r"fold 0 trains on no case"):
        cohort.train()


def test_a_plan_without_samples_is_refused(cohort: Any) -> None:
    plans = cohort.models / "plans"
    (plans / "stage2-fold0").rename(plans / "stage2")
    with pytest.raises(BadInput, match="no case has training/stage2"):
        cohort.train()
