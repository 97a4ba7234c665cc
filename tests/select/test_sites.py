"""Harmonising inside the folds: what it mends, what it may not know, and what it refuses."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from radstore.errors import BadInput
from radstore.harmonise import Harmoniser
from radstore.select import Cohort, Options, cohort_of, select_features
from radstore.select.nested import nested
from radstore.select.procedure import fitted

OPTIONS = Options(size=4, folds=4)
OPEN = replace(OPTIONS, alpha=1.0)  # every feature passes the filter


def sited(cohort: Cohort, sites: np.ndarray, shift: float = 6.0, factor: float = 3.0) -> Cohort:
    """The same cases; what was scanned at `b` has an offset and a scale of its own in every feature."""
    offset = shift * np.random.default_rng(7).choice([-1, 1], cohort.values.shape[1])
    there = (sites == "b")[:, None]
    return replace(
        cohort, values=np.where(there, cohort.values * factor + offset, cohort.values), sites=sites
    )


def evenly(cohort: Cohort) -> np.ndarray:
    return np.array(list("ab"))[np.random.default_rng(1).permutation(np.arange(len(cohort)) % 2)]


def test_a_shift_that_hides_the_classes_is_taken_off(make: Any) -> None:
    cohort = sited(make(effect=1.2), evenly(make()))
    found = select_features(cohort, OPTIONS, jobs=1)
    shifted = select_features(replace(cohort, sites=None), OPTIONS, jobs=1)
    assert found.nested.honest.mean_auroc > 0.85
    assert set(found.features) <= {f"f{n:03d}" for n in range(5)}
    assert shifted.nested.honest.mean_auroc < 0.75


def test_a_shift_that_looks_like_the_classes_is_taken_off(make: Any) -> None:
    """No feature differs between classes, but most positives were scanned elsewhere."""
    plain = make(signal=0, features=16)
    flipped = np.random.default_rng(3).random(len(plain)) < 0.2
    cohort = sited(plain, np.where(plain.positive ^ flipped, "b", "a"), factor=1.0)
    shifted = select_features(replace(cohort, sites=None), OPEN, jobs=1)
    assert shifted.nested.honest.mean_auroc > 0.7
    found = select_features(cohort, replace(OPEN, folds=3), permutations=8, jobs=1)
    assert found.null is not None
    assert found.null.inside
    assert found.nested.honest.mean_auroc < 0.65


def test_held_out_cases_have_no_part_in_the_fit(make: Any) -> None:
    """Other values in one fold, its site effects included, change nothing of what its predictor is."""
    cohort = sited(make(effect=0.8), evenly(make()))
    first = nested(cohort, OPTIONS, jobs=1)
    held = first.folds == 1
    values = np.where(held[:, None], cohort.values * -50 + 5, cohort.values)
    changed = nested(replace(cohort, values=values), OPTIONS, jobs=1)
    assert changed.inner[1].features == first.inner[1].features
    np.testing.assert_array_equal(changed.inner[1].ranks, first.inner[1].ranks)
    np.testing.assert_array_equal(changed.whole.chosen[1], first.whole.chosen[1])
    assert (changed.inner[0].ranks != first.inner[0].ranks).any()


def test_an_outer_fold_is_harmonised_by_its_training_cases(make: Any) -> None:
    cohort = sited(make(effect=0.8), evenly(make()))
    found = nested(cohort, OPTIONS, jobs=1)
    assert cohort.sites is not None
    train, held = found.folds != 2, found.folds == 2
    step = Harmoniser().fit(cohort.values[train], sites=cohort.sites[train])
    seen = step.transform(cohort.values[train], sites=cohort.sites[train])
    unseen = step.transform(cohort.values[held], sites=cohort.sites[held])
    features = found.inner[2].features
    model = fitted(seen, cohort.positive[train], features, OPTIONS)
    np.testing.assert_array_equal(found.decision[held], model.decision_function(unseen[:, features]))


def test_every_fit_is_on_a_training_set(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is estimated before the folds are made: all cases together only for the written model."""
    fits: list[int] = []
    fit = Harmoniser.fit

    def watched(self: Harmoniser, X: Any, y: Any = None, *, sites: Any) -> Harmoniser:
        fits.append(len(X))
        return fit(self, X, y, sites=sites)

    monkeypatch.setattr(Harmoniser, "fit", watched)
    cohort = sited(make(), evenly(make()))
    select_features(cohort, OPTIONS, permutations=1, jobs=1)
    whole = [count for count in fits if count == len(cohort)]
    assert len(whole) == 3  # same_data of the labels and of the permutation, the final model
    # twice (labels, permutation): four outer sets chosen on and scored, four inner ones in each
    assert len(fits) - len(whole) == 2 * (4 + 4 + 4 * 4)


def test_the_model_and_its_statistics_are_of_harmonised_values(make: Any) -> None:
    cohort = sited(make(effect=1.2), evenly(make()))
    found = select_features(cohort, OPTIONS, jobs=1)
    assert found.harmoniser is not None
    level = found.harmoniser.transform(cohort.values, sites=cohort.sites)
    columns = level[:, found.nested.whole.features]
    scaler = found.scaler().values()
    assert [one["mean"] for one in scaler] == pytest.approx(columns.mean(axis=0))
    assert [one["scale"] for one in scaler] == pytest.approx(columns.std(axis=0))
    first = cohort.features[found.nested.whole.features[0]]
    assert found.table.at[first, "hedges_g"] > 0.8


def test_the_same_bits_for_any_number_of_processes(make: Any) -> None:
    cohort = sited(make(features=20), evenly(make()))
    options = Options(size=4, folds=2)
    one, two = (select_features(cohort, options, permutations=1, jobs=jobs) for jobs in (1, 2))
    assert one.features == two.features
    assert one.scaler() == two.scaler()
    assert one.null == two.null
    np.testing.assert_array_equal(one.nested.decision, two.nested.decision)


def test_a_held_out_case_of_an_unknown_site_stays_as_it_is(make: Any) -> None:
    cohort = make(effect=1.5)
    train, held = cohort.only(np.arange(120) < 90), cohort.only(np.arange(120) >= 90)
    train = sited(train, evenly(train))
    elsewhere = replace(held, sites=np.full(30, "new"))
    found = select_features(train, OPTIONS, held_out=elsewhere, jobs=1)
    assert found.held_out is not None
    decision = found.model.decision_function(held.values[:, found.nested.whole.features])
    from sklearn.metrics import roc_auc_score

    assert found.held_out.mean_auroc == roc_auc_score(held.positive, decision)
    assert any("30 held-out cases of sites that were not harmonised" in note for note in found.notes)


def test_a_site_that_some_training_sets_hardly_have_is_told(make: Any) -> None:
    sites = evenly(make())
    sites[:5] = "c"
    found = select_features(sited(make(effect=1.2), sites), OPTIONS, jobs=1)
    assert found.nested.alone["c"] > 0
    assert any("training sets the site 'c' had too few cases" in note for note in found.notes)
    assert any(note.startswith("harmonised over 3 sites") for note in found.notes)


def test_a_site_of_one_class_is_told(make: Any) -> None:
    cohort = make()
    found = select_features(sited(cohort, np.where(cohort.positive, "b", "a")), OPTIONS, jobs=1)
    assert any("the sites 'a', 'b' is of one class" in note for note in found.notes)


@pytest.mark.parametrize(
    ("sites", "says"),
    [
        (["a"] * 120, r"all of 120 cases are of one site, 'a'\n.*leave --harmonise out"),
        (["a"] * 116 + ["b"] * 4, r"a site needs 5 cases to be harmonised; 'b' has 4\n.*Put small sites"),
    ],
)
def test_sites_that_cannot_be_harmonised(make: Any, sites: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        select_features(replace(make(), sites=np.array(sites)), OPTIONS, jobs=1)


def test_without_the_library(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "combatlearn.core", None)
    with pytest.raises(BadInput, match=r"combatlearn, which is not installed\n.*radstore\[harmonise\]"):
        select_features(sited(make(), evenly(make())), OPTIONS, jobs=1)


def test_sites_come_from_a_column(table: Any) -> None:
    frame = table(cases=12, features=3).assign(site=[1.0, 2.0, "x"] * 4)
    names = ["f000", "f001", "f002"]
    cohort = cohort_of(frame, harmonise="site", features=names)
    assert cohort.sites is not None
    assert cohort.sites.tolist() == ["1", "2", "x"] * 4
    assert cohort.only(np.arange(12) < 2).sites.tolist() == ["1", "2"]  # type: ignore[union-attr]
    assert cohort_of(frame, features=names).sites is None
    with pytest.raises(BadInput, match=r"no column 'sit' to harmonise over\n.*Did you mean 'site'"):
        cohort_of(frame, harmonise="sit", features=names)
    frame.loc["c0003", "site"] = None
    with pytest.raises(BadInput, match=r"1 case \(c0003\) without a site in the column 'site'"):
        cohort_of(frame, harmonise="site", features=names)
