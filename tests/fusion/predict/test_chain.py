"""One chain: stored or computed, trained or predicted, the network is given the same bits."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fusion.data.view import View
from fusion.inputs import Inputs
from fusion.predict.ingredients import Numbers, computed_numbers, model_spec, stored_numbers
from fusion.predict.models import Models
from fusion.predict.permuted import Permuted
from fusion.predict.studies import of_store
from fusion.recipe import Recipe
from fusion.samples import materialise
from radstore.errors import BadInput
from radstore.images.volume import Volume
from radstore.spec import Spec
from radstore.store import log
from radstore.store.log import Change
from radstore.store.query import open_store

ROW = "ct+maps+global"


def chain_of(site: Any, row: str = ROW, fold: int = 0) -> Any:
    return Models(site.models, row, torch.device("cpu"), engine="cpu").chains([fold])[0]


def ct_of(site: Any, case: str = "a") -> Volume:
    return of_store(site.snapshot(), cases=[case])[0].read()


def network_input(chain: Any, ct: Volume, given: Any) -> np.ndarray:
    sample = chain.sample(ct, given)
    return chain.recipe.network_input(sample.data, sample.names, sample.region)


def materialised(site: Any, chain: Any, folder: Path) -> View:
    """The view of a copy of the store that has the chain's training samples."""
    store = shutil.copytree(site.store, folder / "store")
    plans, dataset = chain.stage2.plans_manager.plans, chain.stage2.dataset_json
    catalog, cases = site.catalog_with_labels(folder), list("abcd")
    done = materialise(store, catalog, plans, dataset, "stage2-fold0", cases=cases, jobs=1)
    assert not done.failed
    return View.of(open_store(store), "stage2-fold0", chain.recipe)


def test_stored_and_computed_are_the_same_bits(site: Any) -> None:
    site.train(ROW, 0)
    chain, ct = chain_of(site), ct_of(site)
    stored = chain.ingredients(ct, site.snapshot().case("a"))
    numbers = computed_numbers(ct, stored.region, chain.recipe, engine="cpu")
    assert numbers.notes == ()
    np.testing.assert_array_equal(stored.numbers.vector, numbers.vector)
    np.testing.assert_array_equal(stored.numbers.maps.values, numbers.maps.values)
    one, other = (network_input(chain, ct, replace(stored, numbers=n)) for n in (stored.numbers, numbers))
    np.testing.assert_array_equal(one, other)
    assert one.shape[0] == 3
    assert len(np.unique(one[1])) > 100


def test_training_and_prediction_give_the_network_the_same_bits(site: Any, tmp_path: Any) -> None:
    """The dataset that training reads, against the chain; neither has its own code for it."""
    from fusion.data.dataset import StoreDataset

    site.train(ROW, 0)
    chain, ct = chain_of(site), ct_of(site)
    materialised(site, chain, tmp_path).save(tmp_path / "view")
    training = StoreDataset(str(tmp_path / "view"))
    data, _, _, properties = training.load_case("a")
    trained = data[(slice(None), *(slice(0, n) for n in data.shape[1:]))]
    given = chain.ingredients(ct, site.snapshot().case("a"))
    np.testing.assert_array_equal(trained, network_input(chain, ct, given))
    np.testing.assert_array_equal(training.vector("a"), given.numbers.vector)
    predicted = chain.sample(ct, given).properties
    assert {name: properties[name] for name in predicted} == predicted


def test_a_row_is_given_what_it_wants_and_no_more(site: Any) -> None:
    case, ct = site.snapshot().case("a"), ct_of(site)
    for row, maps, vector in (("ct", 0, 0), ("ct+global", 0, 1), ("ct+maps", 1, 0), ("ct+region", 0, 0)):
        site.train(row, 0)
        chain = chain_of(site, row)
        given = chain.ingredients(ct, case)
        assert (given.numbers.maps is not None, given.numbers.vector is not None) == (
            bool(maps),
            bool(vector),
        )
        assert network_input(chain, ct, given).shape[0] == len(chain.recipe.channels)


def test_a_region_that_cannot_be_measured_still_gets_a_prediction(site: Any) -> None:
    site.train(ROW, 0)
    chain, ct = chain_of(site), ct_of(site)
    speck = np.zeros(ct.array.shape, np.uint8)
    speck[5, 20, 20] = 1
    numbers = computed_numbers(ct, Volume(speck, ct.geometry), chain.recipe, engine="cpu")
    assert numbers.vector is None
    assert np.isnan(numbers.maps.values).all()
    assert numbers.notes[0].startswith("vector and maps are missing: ")
    given = chain.ingredients(ct, site.snapshot().case("a"))
    made = network_input(chain, ct, replace(given, numbers=numbers))
    assert not made[1:].any()


def test_a_region_of_another_fold_is_refused(site: Any) -> None:
    site.train("ct", 0)
    chain = chain_of(site, "ct")
    with pytest.raises(BadInput, match="did not hold out, fold 0"):
        chain.ingredients(ct_of(site, "c"), site.snapshot().case("c"))


def test_maps_of_another_spec_are_refused(site: Any) -> None:
    site.train(ROW, 0)
    chain = chain_of(site)
    other = replace(chain.recipe, spec_hash="1" * 64)
    with pytest.raises(BadInput, match="the model's is 111111111111"):
        stored_numbers(site.snapshot().case("a"), other)


def test_maps_that_two_specs_share_serve_both(site: Any) -> None:
    """The block names the spec that came first; the manifest, which is believed, the view's own."""
    first = Spec.from_dict(site.recipe(ROW, 0).spec, "tiny")
    other = Spec.from_dict({**first.document, "features": list(first.names[:2])}, "other")
    record = site.snapshot().case("a").record
    shared = {kind: record.blocks[f"{kind}/tiny@stage1-fold0"] for kind in ("features", "maps")}
    named = {f"{kind}/other@stage1-fold0": replace(shared[kind], spec=other.hash) for kind in shared}
    later = replace(record, blocks={**record.blocks, **named})
    log.commit(site.snapshot().bucket, {"a": log.Change(record, later)})
    case = site.snapshot().case("a")
    given = {"view": "other@stage1-fold0", "spec": other.document, "spec_hash": other.hash}
    site.train(ROW, 0, **given, vector=site.recipe(ROW, 0).vector[:2])
    chain, ct = chain_of(site), ct_of(site)
    ingredients = chain.ingredients(ct, case)
    assert ingredients.numbers.maps.attrs["spec_hash"] == other.hash
    assert network_input(chain, ct, ingredients).shape[0] == 3


def test_a_model_without_a_spec_says_so() -> None:
    with pytest.raises(BadInput, match="carries no spec"):
        model_spec(Recipe(stage=2, fold=0))


def test_the_permuted_control_has_the_vector_that_training_gives(site: Any, tmp_path: Any) -> None:
    from fusion.data.vectors import vectors_of

    site.train("ct+permuted", 0)
    chain, ct = chain_of(site, "ct+permuted"), ct_of(site)
    with pytest.raises(BadInput, match="needs the vectors of a store's other cases"):
        Permuted(chain.recipe).swapped(Numbers(), ct, None)
    view = materialised(site, chain, tmp_path)
    snapshot = view.open()
    given = chain.ingredients(ct, snapshot.case("a"))
    np.testing.assert_array_equal(given.numbers.vector, vectors_of(view, snapshot)["a"])
    own = computed_numbers(ct, given.region, chain.recipe, engine="cpu").vector
    assert not np.array_equal(given.numbers.vector, own)


def test_in_the_permuted_control_external_cases_swap_too(site: Any, tmp_path: Any) -> None:
    """Among themselves; and one that has nobody to swap with says so."""
    site.train("ct+permuted", 0)
    chain, ct = chain_of(site, "ct+permuted"), ct_of(site)
    snapshot = materialised(site, chain, tmp_path).open()
    before = Permuted(chain.recipe).vectors(snapshot)
    alone = chain.ingredients(ct, snapshot.case("new"))
    assert alone.numbers.vector is None
    assert any("given as missing" in note for note in alone.numbers.notes)
    records = {case: snapshot.manifest.get(case) for case in "cd"}
    free = {case: Change(record, replace(record, marks={})) for case, record in records.items()}
    log.commit(snapshot.bucket, free, message="c and d are external now")
    others = Permuted(chain.recipe).vectors(open_store(snapshot.bucket.location))
    own = replace(chain.recipe, inputs=Inputs("ct+global"))
    vectors = {case: stored_numbers(snapshot.case(case), own).vector for case in others}
    givers = {
        case: next(giver for giver, numbers in vectors.items() if np.array_equal(numbers, given))
        for case, given in others.items()
    }
    assert (givers["a"], givers["b"]) == ("b", "a")
    assert {givers[case] for case in ("c", "d", "new")} == {"c", "d", "new"}
    assert all(case != giver for case, giver in givers.items())
    np.testing.assert_array_equal(others["a"], before["a"])


def test_stage_1_of_another_stage_is_refused(site: Any) -> None:
    from fusion.regions.models import as_stage1

    site.train("ct", 0)
    with pytest.raises(BadInput, match="a model of stage 2"):
        as_stage1(chain_of(site, "ct").stage2)
