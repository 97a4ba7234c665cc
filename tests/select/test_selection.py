from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from radstore.errors import BadInput
from radstore.select import Options, Selection, cohort_of, select_features

OPTIONS = Options(size=4, folds=4)


def bits(selection: Selection) -> tuple[Any, ...]:
    """Everything, exactly."""
    found = selection.nested
    arrays = (found.folds, found.decision, found.whole.ranks, found.whole.auroc)
    return (
        selection.features,
        *(array.tobytes() for array in arrays),
        (found.honest, found.chosen_outside, found.same_data),
        (selection.stability, selection.scaler(), selection.null, selection.notes),
    )


def test_finds_the_signal(make: Any) -> None:
    found = select_features(make(effect=1.2), OPTIONS, jobs=1)
    assert set(found.features) <= {f"f{n:03d}" for n in range(5)}
    assert found.nested.honest.mean_auroc > 0.85
    assert found.nested.same_data.mean_auroc >= found.nested.honest.mean_auroc
    assert found.stability.value > 0.5
    table = found.table
    assert table.index[:4].tolist() == list(found.features)
    assert table["selected"].sum() == 4
    assert table["frequency"].tolist() == sorted(table["frequency"], reverse=True)


@pytest.mark.parametrize("rule", ["stable", "best-fold"])
def test_the_same_bits_for_any_number_of_processes_and_any_order(table: Any, rule: Any) -> None:
    frame = table(features=150)
    names = [name for name in frame.columns if name.startswith("f")]
    options = replace(OPTIONS, rule=rule)
    one = bits(select_features(cohort_of(frame, features=names), options, permutations=2, jobs=1))
    assert bits(select_features(cohort_of(frame, features=names), options, permutations=2, jobs=2)) == one
    shuffled = frame.sample(frac=1, random_state=1)
    cohort = cohort_of(shuffled, features=names[::-1])
    assert bits(select_features(cohort, options, permutations=2, jobs=1)) == one
    other = select_features(cohort, replace(options, seed=1), permutations=2, jobs=1)
    assert bits(other) != one


def test_scaling_a_feature_changes_no_choice(make: Any) -> None:
    cohort = make()
    first = select_features(cohort, OPTIONS, jobs=1)
    scale = 10.0 ** np.random.default_rng(0).integers(-6, 7, cohort.values.shape[1])
    again = select_features(replace(cohort, values=cohort.values * scale), OPTIONS, jobs=1)
    assert again.features == first.features
    np.testing.assert_allclose(again.nested.decision, first.nested.decision, rtol=1e-6)


def test_the_model_is_that_of_the_scaler(make: Any) -> None:
    cohort = make()
    found = select_features(cohort, OPTIONS, jobs=1)
    scaler = found.scaler()
    assert list(scaler) == list(found.features)
    columns = cohort.values[:, found.nested.whole.features]
    parts = {key: np.array([one[key] for one in scaler.values()]) for key in ("mean", "scale", "weight")}
    by_hand = (columns - parts["mean"]) / parts["scale"] @ parts["weight"] + found.model[-1].intercept_
    np.testing.assert_allclose(by_hand, found.model.decision_function(columns))
    np.testing.assert_allclose(parts["scale"], columns.std(axis=0))
    assert [one["median"] for one in scaler.values()] == pytest.approx(np.median(columns, axis=0))


def test_held_out_cases_are_scored_and_no_more(make: Any) -> None:
    cohort = make(effect=1.5)
    train, held = cohort.only(np.arange(120) < 90), cohort.only(np.arange(120) >= 90)
    with_held, without = (select_features(train, OPTIONS, held_out=h, jobs=1) for h in (held, None))
    assert bits(with_held) == bits(without)
    assert without.held_out is None
    assert with_held.held_out is not None
    assert with_held.held_out.mean_auroc > 0.8
    one_class = held.only(np.flatnonzero(held.positive))
    assert select_features(train, OPTIONS, held_out=one_class, jobs=1).held_out is None


def test_undefined_and_constant_features_are_said(make: Any) -> None:
    cohort = make()
    values = cohort.values.copy()
    values[:60, 10], values[:, 11], values[:5, 0] = np.nan, 0.0, np.nan
    found = select_features(replace(cohort, values=values), OPTIONS, jobs=1)
    assert any(note.startswith("2 features were not used") for note in found.notes)
    assert "f010" not in found.features


def test_nothing_selected_is_said(make: Any) -> None:
    found = select_features(make(signal=0), replace(OPTIONS, alpha=1e-6), jobs=1)
    assert (found.features, found.model, found.scaler()) == ((), None, {})
    assert found.nested.honest.mean_auroc == 0.5
    assert any("in 4 of 4 folds fewer than 4 features passed" in note for note in found.notes)
    assert any("in 4 of 4 outer folds nothing was selected" in note for note in found.notes)
    assert np.isnan(found.stability.value)
    assert not found.table["selected"].any()


def test_fewer_than_wanted_is_said(make: Any) -> None:
    found = select_features(make(signal=1, effect=2.5, features=12), Options(size=10, folds=3), jobs=1)
    assert 0 < len(found.features) < 10
    assert any(f"selected: {len(found.features)} of 10 features" in note for note in found.notes)


def test_all_features_undefined(make: Any) -> None:
    cohort = make()
    with pytest.raises(BadInput, match="none of 60 features can be used: 60 are undefined in all of 120"):
        select_features(replace(cohort, values=cohort.values * np.nan), OPTIONS)


def test_progress(make: Any) -> None:
    seen: list[tuple[int, int]] = []
    select_features(make(), Options(size=3, folds=3), jobs=1, progress=lambda *at: seen.append(at))
    assert seen == [(n, 12) for n in range(1, 13)]
