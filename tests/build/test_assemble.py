"""Columns that earlier blocks hold are copied, the rest is computed, and maps may be rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radstore.build.assemble import Source, assemble_maps, assemble_vector, rounded
from radstore.engines.base import Maps, Vector
from radstore.graph import Graph
from radstore.images.volume import Geometry, Volume
from radstore.spec import Spec
from radstore.store import blocks, layout
from radstore.store.blocks import CODEC
from radstore.store.bucket import Bucket, open_bucket

GRID = Geometry((6, 5, 4), (1.0, 1.0, 2.0), (3.0, 2.0, 1.0))
CROP = GRID.crop((1, 1, 1), (3, 2, 2))
NAMES = ["original_firstorder_Mean", "original_firstorder_Energy", "original_glcm_Imc1"]
FLOATS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=2), elements=st.floats(width=32))


class Fake:
    """An engine that gives each feature a value of its own and remembers what it was asked."""

    name, family, device = "fake", "fake/1", "cpu"

    def __init__(self, failures: Mapping[str, str] | None = None) -> None:
        self.failures = failures or {}
        self.asked: list[tuple[str, ...]] = []

    def value(self, name: str) -> float:
        return np.nan if name in self.failures else len(name) + 1 / 3

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        self.asked.append(graph.names)
        failures = {name: why for name, why in self.failures.items() if name in graph.names}
        return Vector({name: self.value(name) for name in graph.names}, failures)

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        self.asked.append(graph.names)
        failures = {name: why for name, why in self.failures.items() if name in graph.names}
        array = np.stack([np.full(CROP.shape, self.value(name), np.float32) for name in graph.names])
        array[:, 0, 0, 0] = np.nan
        return Maps(graph.names, array, np.ones(CROP.shape, np.uint8), CROP, GRID, failures)


class Noting(Fake):
    """One that has something to note on the last feature."""

    def vector(self, image: Volume, mask: Volume, graph: Graph) -> Vector:
        return replace(super().vector(image, mask, graph), notes={NAMES[2]: "one grey level"})

    def maps(self, image: Volume, mask: Volume, graph: Graph) -> Maps:
        return replace(super().maps(image, mask, graph), notes={NAMES[2]: "one grey level"})


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    made = open_bucket(tmp_path / "store")
    layout.create(made, CODEC)
    return made


def source(
    engine: Any, names: list[str], mode: Any, *, salt: str = "", keep_bits: int | None = None
) -> Source:
    spec = Spec.from_dict({"features": names})
    recipes = {name: name + salt for name in names}
    image = Volume(np.zeros(GRID.shape, np.int16), GRID)
    mask = Volume(np.ones(GRID.shape, np.uint8), GRID)
    return Source(image, mask, spec.graph(mode), recipes, engine, keep_bits)


@pytest.mark.parametrize(("mode", "assemble"), [("roi", assemble_vector), ("voxel", assemble_maps)])
class TestCopying:
    def publish(self, bucket: Bucket, engine: Any, names: list[str], mode: Any, assemble: Any) -> str:
        block, computed = assemble(source(engine, names, mode), bucket, [], {})
        assert computed == len(names)
        blocks.publish(bucket, layout.object_folder("0" * 64), block)
        return layout.object_folder("0" * 64)

    def test_only_what_is_missing_is_computed(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        folder = self.publish(bucket, Fake(), NAMES[:2], mode, assemble)
        engine = Fake()
        block, computed = assemble(source(engine, NAMES[::-1], mode), bucket, [folder], {"from": "here"})
        assert (computed, engine.asked) == (1, [(NAMES[2],)])
        whole, _ = assemble(source(Fake(), NAMES[::-1], mode), bucket, [], {})
        assert block.digest == whole.digest
        assert block.provenance == {"from": "here"}
        assert block.content["names"] == NAMES[::-1]
        assert block.content["recipes"] == NAMES[::-1]

    def test_nothing_is_computed_if_all_is_there(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        folder = self.publish(bucket, Fake(), NAMES, mode, assemble)
        engine = Fake()
        block, computed = assemble(source(engine, NAMES[1:], mode), bucket, [folder], {})
        assert (computed, engine.asked) == (0, [])
        assert block.digest == assemble(source(Fake(), NAMES[1:], mode), bucket, [], {})[0].digest

    def test_another_recipe_is_another_column(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        folder = self.publish(bucket, Fake(), NAMES, mode, assemble)
        engine = Fake()
        _, computed = assemble(source(engine, NAMES, mode, salt="!"), bucket, [folder], {})
        assert (computed, engine.asked) == (3, [tuple(NAMES)])

    def test_what_is_noted_on_a_column_goes_with_it(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        folder = self.publish(bucket, Noting(), NAMES, mode, assemble)
        block, _ = assemble(source(Fake(), NAMES[1:], mode), bucket, [folder], {})
        assert block.content["notes"] == {NAMES[2]: "one grey level"}
        plain, _ = assemble(source(Fake(), NAMES, mode), bucket, [], {})
        assert "notes" not in plain.content

    def test_columns_come_from_several_blocks(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        folders = []
        for number, names in enumerate([NAMES[:1], NAMES[:2], NAMES[2:]]):
            block, _ = assemble(source(Fake(), names, mode), bucket, [], {})
            folders.append(layout.object_folder(f"{number}" * 64))
            blocks.publish(bucket, folders[-1], block)
        engine = Fake()
        block, computed = assemble(source(engine, NAMES, mode), bucket, folders, {})
        assert (computed, engine.asked) == (0, [])
        assert block.digest == assemble(source(Fake(), NAMES, mode), bucket, [], {})[0].digest

    def test_what_failed_is_tried_again(self, bucket: Bucket, mode: Any, assemble: Any) -> None:
        broken = Fake({NAMES[1]: "no memory"})
        folder = self.publish(bucket, broken, NAMES, mode, assemble)
        assert blocks.attributes(bucket, folder)["content"]["failures"] == {NAMES[1]: "no memory"}
        engine = Fake()
        block, computed = assemble(source(engine, NAMES, mode), bucket, [folder], {})
        assert (computed, engine.asked) == (1, [(NAMES[1],)])
        assert block.content["failures"] == {}
        assert not np.isnan(block.arrays[block.kind][1]).all()


def test_an_undefined_number_is_a_result(bucket: Bucket) -> None:
    """NaN without a failure is what PyRadiomics gives; it is copied like any number."""

    class Undefined(Fake):
        def value(self, name: str) -> float:
            return float("nan")

    block, _ = assemble_vector(source(Undefined(), NAMES, "roi"), bucket, [], {})
    blocks.publish(bucket, layout.object_folder("0" * 64), block)
    again, computed = assemble_vector(
        source(Fake(), NAMES, "roi"), bucket, [layout.object_folder("0" * 64)], {}
    )
    assert computed == 0
    assert np.isnan(again.arrays["features"]).all()


@pytest.mark.parametrize(("mode", "assemble"), [("roi", assemble_vector), ("voxel", assemble_maps)])
def test_the_provenance_names_the_device_that_computed(bucket: Bucket, mode: Any, assemble: Any) -> None:
    class Elsewhere(Fake):
        device = "cuda:0 Card"

        def vector(self, *case: Any) -> Vector:
            return replace(super().vector(*case), device="cpu")

        def maps(self, *case: Any) -> Maps:
            return replace(super().maps(*case), device="cpu")

    told = {"device": "cuda:0 Card", "code": "1"}
    block, _ = assemble(source(Elsewhere(), NAMES, mode), bucket, [], told)
    assert block.provenance == {"device": "cpu", "code": "1"}
    block, _ = assemble(source(Fake(), NAMES, mode), bucket, [], told)
    assert block.provenance == told


def test_maps_keep_where_they_lie(bucket: Bucket) -> None:
    block, _ = assemble_maps(source(Fake(), NAMES, "voxel"), bucket, [], {})
    assert block.geometry == CROP
    assert Geometry.from_json(block.content["grid"]) == GRID
    assert block.arrays["maps"].shape == (3, *CROP.shape)
    assert block.arrays["maps"].dtype == np.float32
    assert block.arrays["region"].dtype == np.uint8


def test_only_maps_are_rounded(bucket: Bucket) -> None:
    vector, _ = assemble_vector(source(Fake(), NAMES, "roi", keep_bits=12), bucket, [], {})
    assert vector.arrays["features"].tolist() == [Fake().value(name) for name in NAMES]
    maps, _ = assemble_maps(source(Fake(), NAMES, "voxel", keep_bits=12), bucket, [], {})
    exact, _ = assemble_maps(source(Fake(), NAMES, "voxel"), bucket, [], {})
    assert maps.digest != exact.digest
    np.testing.assert_array_equal(maps.arrays["maps"], rounded(exact.arrays["maps"], 12))


@given(FLOATS, st.integers(1, 22))
def test_rounding_is_as_precise_as_it_says(array: np.ndarray, keep_bits: int) -> None:
    before = array.copy()
    shorter = rounded(array, keep_bits)
    np.testing.assert_array_equal(array, before)
    assert (shorter.dtype, shorter.shape) == (np.float32, array.shape)
    normal = np.isfinite(array) & (np.abs(array) >= np.finfo(np.float32).tiny)
    error = np.abs(shorter[normal].astype(float) - array[normal].astype(float))
    assert np.all(error <= 2.0 ** -(keep_bits + 1) * np.abs(array[normal].astype(float)))
    np.testing.assert_array_equal(np.isnan(shorter), np.isnan(array))
    np.testing.assert_array_equal(np.isinf(shorter), np.isinf(array))
    np.testing.assert_array_equal(shorter[np.isinf(array)], array[np.isinf(array)])
    np.testing.assert_array_equal(np.signbit(shorter), np.signbit(array))


@given(FLOATS, st.integers(1, 22))
def test_rounding_twice_is_rounding_once_and_the_rest_is_zero(array: np.ndarray, keep_bits: int) -> None:
    shorter = rounded(array, keep_bits)
    np.testing.assert_array_equal(rounded(shorter, keep_bits), shorter)
    limit = float(np.finfo(np.float32).max) * (1 - 2.0**-keep_bits)
    plain = shorter[np.isfinite(shorter) & (np.abs(shorter.astype(float)) < limit)]
    assert not (plain.view(np.uint32) & np.uint32((1 << (23 - keep_bits)) - 1)).any()


def test_rounding_is_to_the_nearest_and_even() -> None:
    step = 2.0**-12
    given_ = np.array([1 + 0.49 * step, 1 + 0.51 * step, 1 + 0.5 * step, 1 + 1.5 * step], np.float32)
    np.testing.assert_array_equal(rounded(given_, 12), np.float32([1, 1 + step, 1, 1 + 2 * step]))


def test_the_largest_numbers_stay_finite() -> None:
    largest = np.array([np.finfo(np.float32).max, -np.finfo(np.float32).max], np.float32)
    np.testing.assert_array_equal(rounded(largest, 12), largest)


def test_without_precision_nothing_is_rounded() -> None:
    array = np.float32([1 / 3])
    assert rounded(array, None) is array
