"""ComBat over sites: what is estimated on training cases only, and what becomes of odd sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radstore.errors import BadInput
from radstore.harmonise import Harmoniser

OFFSET, SCALE = {"a": 0.0, "b": 3.0, "c": -2.0}, {"a": 1.0, "b": 2.0, "c": 0.5}


def data(count: int = 300, features: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of very different sizes, with the site's offset and scale on each."""
    random = np.random.default_rng(seed)
    sites = random.choice(list("abc"), count)
    size = 10.0 ** np.linspace(-8, 8, features)
    values = random.normal(size=(count, features))
    values = values * np.vectorize(SCALE.get)(sites)[:, None] + np.vectorize(OFFSET.get)(sites)[:, None]
    return values * size, sites


def spread(values: np.ndarray, sites: np.ndarray) -> float:
    """The largest difference of two sites' means, in standard deviations of all; of the median feature."""
    means = np.array([values[sites == site].mean(axis=0) for site in np.unique(sites)])
    return float(np.median(np.ptp(means, axis=0) / values.std(axis=0)))


def test_site_effects_go_also_from_cases_it_has_not_seen() -> None:
    values, sites = data()
    train = np.arange(len(values)) < 200
    step = Harmoniser().fit(values[train], sites=sites[train])
    held = step.transform(values[~train], sites=sites[~train])
    assert spread(values[~train], sites[~train]) > 1.5
    assert spread(held, sites[~train]) < 0.5
    assert step.sites_ == ("a", "b", "c")


def test_held_out_cases_never_influence_the_fit_or_each_other() -> None:
    values, sites = data()
    train = np.arange(len(values)) < 200
    step = Harmoniser().fit(values[train], sites=sites[train])
    before = step.transform(values, sites=sites)
    spoilt = values.copy()
    spoilt[~train] *= -1e6
    again = Harmoniser().fit(spoilt[train], sites=sites[train])
    np.testing.assert_array_equal(again.transform(values, sites=sites), before)
    alone = np.concatenate([step.transform(values[[at]], sites=sites[[at]]) for at in range(195, 205)])
    np.testing.assert_allclose(alone, before[195:205], rtol=1e-12)
    assert np.array_equal(step.transform(spoilt, sites=sites)[train], before[train])


def test_an_unknown_site_is_kept_and_told() -> None:
    values, sites = data()
    step = Harmoniser().fit(values, sites=sites)
    strange = np.array([*sites[:5], "new"])
    done = step.transform(values[:6], sites=strange)
    np.testing.assert_array_equal(done[5], values[5])
    assert step.unseen(strange).tolist() == [False] * 5 + [True]
    strict = Harmoniser(unknown="error").fit(values, sites=sites)
    with pytest.raises(BadInput, match="site 'new' has fewer than 5 training cases"):
        strict.transform(values[:6], sites=strange)


def test_a_site_with_one_case() -> None:
    values, sites = data()
    sites = sites.astype("<U9")
    sites[7] = "single"
    step = Harmoniser().fit(values, sites=sites)
    assert (step.small_, step.sites_) == ({"single": 1}, ("a", "b", "c"))
    without = np.arange(len(values)) != 7
    same = Harmoniser().fit(values[without], sites=sites[without])
    done = step.transform(values, sites=sites)
    np.testing.assert_array_equal(done[without], same.transform(values[without], sites=sites[without]))
    np.testing.assert_array_equal(done[7], values[7])
    with pytest.raises(BadInput, match="site 'single' has fewer than 5"):
        Harmoniser(unknown="error").fit(values, sites=sites)


def test_one_site_only_changes_nothing() -> None:
    values, _ = data(50)
    step = Harmoniser()
    np.testing.assert_array_equal(step.fit_transform(values, sites=["a"] * 50), values)
    assert step.sites_ == ("a",)
    assert not step.unseen(["a"]).any()


def test_undefined_and_constant_features_stay_as_they_are() -> None:
    values, sites = data()
    values[:, 3], values[:, 4] = 7.0, np.nan
    values[10:20, 5] = np.nan
    done = Harmoniser().fit_transform(values, sites=sites)
    np.testing.assert_array_equal(np.isnan(done), np.isnan(values))
    assert (done[:, 3] == 7).all()
    assert np.nanstd(done[:, 5]) < np.nanstd(values[:, 5])


def test_units_do_not_matter() -> None:
    """Each feature comes back in its own unit, and how large that is changes nothing."""
    values, sites = data()
    one = Harmoniser().fit_transform(values, sites=sites)
    other = Harmoniser().fit_transform(values * 1e-6 + 3e-6, sites=sites)
    np.testing.assert_allclose((other[:, 10:] - 3e-6) * 1e6, one[:, 10:], rtol=1e-5, atol=1e-9)


def test_in_a_pipeline(monkeypatch: Any) -> None:
    import sklearn
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    values, sites = data()
    truth = np.arange(len(values)) % 2
    with sklearn.config_context(enable_metadata_routing=True):
        step = Harmoniser().set_fit_request(sites=True).set_transform_request(sites=True)
        model = make_pipeline(step, StandardScaler(), LinearSVC()).fit(values, truth, sites=sites)
        assert model.decision_function(values, sites=sites).shape == (300,)


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        (["a"] * 9, "9 sites for X"),
        ([""] + ["a"] * 9, "1 of 10 cases have no site"),
        ([np.nan] * 10, "10 of 10"),
    ],
)
def test_bad_input(sites: list[Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Harmoniser().fit(np.ones((10, 3)), sites=sites)
    with pytest.raises(BadInput, match="least=1"):
        Harmoniser(least=1).fit(np.ones((2, 3)), sites=["a", "b"])
