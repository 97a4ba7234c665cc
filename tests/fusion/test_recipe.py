"""The recipe: channels by name, standardised, the same after a trip through the plans."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusion.inputs import CONTROLS, ROWS, Inputs
from fusion.protocol import CHAIN, NESTED, PAPER, SELECTION
from fusion.recipe import CT, REGION, Channel, Recipe
from fusion.roi import Roi
from radstore.errors import BadInput

MAPS = (Channel("one", 10.0, 2.0), Channel("two", -1.0, 0.5), Channel("three", 0.0, 1e-3))
RECIPE = Recipe(
    stage=2,
    fold=3,
    inputs=Inputs("ct+maps+global"),
    roi=Roi("box", (180.0, 120.0, 90.0)),
    region="stage1-fold3",
    view="selected.fold3@stage1-fold3",
    spec={"features": ["one"], "setting": {"binWidth": 20}},
    spec_hash="abc",
    maps=MAPS,
    vector=MAPS[:2],
    paper_mode=True,
    nested=True,
    unknown_selection=True,
    store="./store, version 3",
)
NAMES = (CT, "one", "two", "three")
SHAPE = (3, 4, 5)


@pytest.fixture
def data() -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    values[1:, 1] = np.nan
    values[2, 0, 0, 0] = np.inf
    return values


@pytest.fixture
def region() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, SHAPE).astype(np.uint8)


class TestNetworkInput:
    @given(order=st.permutations(range(4)))
    def test_channels_are_names_not_places(self, order: list[int]) -> None:
        data = np.arange(4 * 60, dtype=np.float32).reshape(4, *SHAPE)
        meant = RECIPE.network_input(data, NAMES, None)
        names = [NAMES[place] for place in order]
        np.testing.assert_array_equal(RECIPE.network_input(data[order], names, None), meant)

    def test_ct_stays_and_maps_are_standardised(self, data: np.ndarray) -> None:
        made = RECIPE.network_input(data, NAMES, None)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made[0], data[0])
        for got, raw, channel in zip(made[1:], data[1:], MAPS, strict=True):
            there = np.isfinite(raw)
            assert not there.all()
            meant = (raw[there].astype(float) - channel.mean) / channel.sd
            np.testing.assert_allclose(got[there], meant, rtol=2e-6, atol=1e-6)
            assert (got[~there] == 0).all()

    def test_the_sample_is_not_changed(self, data: np.ndarray) -> None:
        before = data.copy()
        RECIPE.network_input(data, NAMES, None)
        np.testing.assert_array_equal(data, before)

    @pytest.mark.parametrize("row", [*ROWS, *CONTROLS])
    def test_rows(self, row: str, data: np.ndarray, region: np.ndarray) -> None:
        recipe = RECIPE.for_row(Inputs(row))
        made = recipe.network_input(data, NAMES, region)
        assert made.shape == (len(recipe.channels), *SHAPE)
        assert (recipe.channels[1:4] == NAMES[1:]) == Inputs(row).maps
        if Inputs(row).region:
            assert recipe.channels == (CT, REGION)
            np.testing.assert_array_equal(made[-1], region)

    def test_a_box_of_the_input_is_the_input_of_a_box(self, data: np.ndarray, region: np.ndarray) -> None:
        recipe = RECIPE.for_row(Inputs("ct+maps"))
        box = np.s_[1:3, :2, 2:]
        whole = recipe.network_input(data, NAMES, region)
        np.testing.assert_array_equal(recipe.network_input(data[:, *box], NAMES, region[box]), whole[:, *box])

    @pytest.mark.parametrize(
        ("row", "names"), [("ct+maps", NAMES[:3]), ("ct+region", NAMES), ("ct", NAMES[1:])]
    )
    def test_a_missing_channel_is_named(self, row: str, names: tuple[str, ...], data: np.ndarray) -> None:
        recipe = RECIPE.for_row(Inputs(row))
        missing = next(name for name in recipe.channels if name not in names)
        with pytest.raises(BadInput, match=f"no channel '{missing}'"):
            recipe.network_input(data[: len(names)], names, None)


FLOATS = arrays.arrays(
    st.sampled_from([np.float32, np.float64]),
    arrays.array_shapes(min_dims=0, max_dims=3, max_side=5),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
)


@given(FLOATS, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_standard_numbers(values: np.ndarray, mean: float, sd: float) -> None:
    with np.errstate(over="ignore"):
        got = Channel("x", mean, sd).standard(values)
        meant = np.asarray((values - values.dtype.type(mean)) / values.dtype.type(sd))
    assert got.dtype == values.dtype
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got, np.where(np.isfinite(meant), meant, 0))


class TestVector:
    def test_by_name_undefined_is_the_mean(self) -> None:
        values = {"two": -0.5, "more": 1.0, "one": float("nan")}
        made = RECIPE.network_vector(values)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, [0.0, 1.0])

    def test_a_missing_number_is_named(self) -> None:
        with pytest.raises(BadInput, match="no 'two'"):
            RECIPE.network_vector({"one": 1.0})

    def test_no_numbers(self) -> None:
        assert replace(RECIPE, vector=()).network_vector({}).shape == (0,)


class TestProtocol:
    @pytest.mark.parametrize(
        ("said", "mode"),
        [({"paper_mode": True}, PAPER), ({"nested": True}, NESTED), ({}, CHAIN)],
    )
    def test_mode(self, said: dict[str, bool], mode: str) -> None:
        assert Recipe(2, 0, **said).protocol == (mode,)  # type: ignore[arg-type]
        assert Recipe(1, 0, **said).protocol == ((PAPER,) if mode == PAPER else ())  # type: ignore[arg-type]

    @pytest.mark.parametrize("row", [*ROWS, *CONTROLS])
    def test_a_row_without_features_does_not_mind_how_they_were_chosen(self, row: str) -> None:
        protocol = Recipe(2, 0, Inputs(row), unknown_selection=True).protocol
        assert (SELECTION in protocol) == (row not in ("ct", "ct+region"))


class TestJson:
    @pytest.mark.parametrize("recipe", [RECIPE, Recipe(stage=1, fold=0), RECIPE.for_row(Inputs("ct+region"))])
    def test_there_and_back(self, recipe: Recipe) -> None:
        plans = json.loads(json.dumps({"fusion": recipe.to_json()}, allow_nan=False))
        again = Recipe.from_plans(plans)
        assert again == recipe
        assert again.channels == recipe.channels

    def test_used_recipes_too(self, data: np.ndarray) -> None:
        RECIPE.network_input(data, NAMES, None)
        assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE

    def test_a_recipe_of_before_is_of_a_standard_chain(self) -> None:
        value = replace(RECIPE, paper_mode=False).to_json()
        del value["nested"], value["unknown_selection"]
        assert Recipe.from_json(value).protocol == (CHAIN,)

    def test_plain_plans_are_refused(self) -> None:
        with pytest.raises(BadInput, match="no 'fusion' part"):
            Recipe.from_plans({"plans_name": "nnUNetPlans"})
