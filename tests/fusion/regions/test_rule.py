"""Labels become a region: which, how far dilated, what of islands, what if there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.recipe import LABELS
from fusion.regions import Fallback, RegionRule, region_from_labels
from fusion.regions.fallback import body_box
from radstore.errors import BadInput
from radstore.images.box import Box, bounding_box
from radstore.images.volume import Geometry, Volume

SPACING = (1.5, 1.5, 3.0)
SHAPE = (24, 40, 44)


def grid(spacing: tuple[float, float, float] = SPACING, shape: tuple[int, int, int] = SHAPE) -> Geometry:
    return Geometry(shape[::-1], spacing, (-30.0, 10.0, 100.0))


def labels(*boxes: tuple[int, Box], geometry: Geometry | None = None) -> Volume:
    geometry = geometry or grid()
    array = np.zeros(geometry.shape, np.uint8)
    for value, box in boxes:
        array[box] = value
    return Volume(array, geometry, "ct.nii.gz")


def ct(geometry: Geometry | None = None) -> Volume:
    """Air with a body: all but a rim, above -300 HU; a table below it."""
    geometry = geometry or grid()
    array = np.full(geometry.shape, -1000, np.int16)
    array[:, 5:30, 6:38] = 30
    array[:, 36:38, 2:42] = 100
    return Volume(array, geometry, "ct.nii.gz")


HEAD = (slice(10, 12), slice(15, 18), slice(20, 24))
PLAIN = RegionRule(least=0)


def test_published_dilation_is_one_voxel_of_the_published_grid() -> None:
    coarse = grid((4.5, 4.5, 9.0))
    mask, status = region_from_labels(labels((4, HEAD), geometry=coarse), ct(coarse))
    assert status == "ok"
    assert bounding_box(mask.array) == (slice(9, 13), slice(14, 19), slice(19, 25))
    assert mask.array.sum() == 4 * 5 * 6


def test_on_the_cts_grid_it_is_as_many_mm() -> None:
    mask, _ = region_from_labels(labels((4, HEAD)), ct())
    assert bounding_box(mask.array) == (slice(7, 15), slice(12, 21), slice(17, 27))
    assert (mask.array.dtype, mask.geometry, set(np.unique(mask.array))) == (np.uint8, grid(), {0, 1})


@pytest.mark.parametrize("value", range(1, 7))
def test_lesion_parenchyma_and_duct_make_it_up(value: int) -> None:
    mask, status = region_from_labels(labels((value, HEAD)), ct())
    inside = value in (LABELS["lesion"], LABELS["parenchyma"], LABELS["duct"])
    assert status == ("ok" if inside else "fallback")
    assert mask.array[11, 16, 22] == 1 or not inside


def test_a_lesion_leaves_no_hole() -> None:
    inner = (slice(11, 12), slice(16, 17), slice(21, 23))
    with_lesion, _ = region_from_labels(labels((4, HEAD), (1, inner)), ct())
    without, _ = region_from_labels(labels((4, HEAD)), ct())
    np.testing.assert_array_equal(with_lesion.array, without.array)


def test_islands_are_dropped_and_a_tail_is_not() -> None:
    tail = (slice(10, 11), slice(15, 17), slice(36, 38))
    island = (slice(22, 23), slice(37, 38), slice(1, 2))
    found = labels((4, (slice(8, 14), slice(10, 25), slice(6, 22))), (4, tail), (5, island))
    rule = RegionRule(dilate_mm=(0, 0, 0), least=0.001)
    kept, _ = region_from_labels(found, ct(), rule)
    assert (kept.array[tail].all(), kept.array[island].any()) == (True, False)
    everything, _ = region_from_labels(found, ct(), replace(rule, least=0))
    assert everything.array[island].all()
    largest, _ = region_from_labels(found, ct(), replace(rule, least=1))
    assert not largest.array[tail].any()


def test_of_two_equal_parts_the_largest_alone_is_one() -> None:
    other = (slice(10, 12), slice(15, 18), slice(35, 39))
    mask, _ = region_from_labels(
        labels((4, HEAD), (4, other)), ct(), RegionRule(dilate_mm=(0, 0, 0), least=1)
    )
    assert mask.array.sum() == 2 * 3 * 4


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(*(st.integers(0, size - 1) for size in SHAPE)), min_size=1, max_size=6),
    st.tuples(*(st.floats(0, 7) for _ in range(3))),
)
def test_dilation_is_every_voxel_within_so_many_mm(
    voxels: list[tuple[int, int, int]], mm: tuple[float, float, float]
) -> None:
    found = labels(*((4, (slice(z, z + 1), slice(y, y + 1), slice(x, x + 1))) for z, y, x in voxels))
    mask, _ = region_from_labels(found, ct(), replace(PLAIN, dilate_mm=mm))
    reach = [round(far / step) for far, step in zip(mm[::-1], SPACING[::-1], strict=True)]
    at = np.stack(np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij"), axis=-1)
    near = np.zeros(SHAPE, bool)
    for voxel in voxels:
        near |= (np.abs(at - voxel) <= reach).all(axis=-1)
    np.testing.assert_array_equal(mask.array, near)


def test_nothing_found_falls_back_into_the_body() -> None:
    mask, status = region_from_labels(labels((2, HEAD)), ct())
    assert status == "fallback"
    box = bounding_box(mask.array)
    assert box is not None
    body = body_box(ct())
    assert all(b.start <= m.start and m.stop <= b.stop for m, b in zip(box, body, strict=True))
    assert mask.array.sum() == mask.array[box].size


def test_labels_of_another_ct_are_refused() -> None:
    with pytest.raises(BadInput, match="labels on another grid: spacing"):
        region_from_labels(labels((4, HEAD), geometry=grid((1.0, 1.0, 1.0))), ct())


def test_the_rule_travels_as_json() -> None:
    rule = RegionRule((4, 5), (1.0, 2.0, 3.0), 0.5, Fallback((0.4, 0.3, 0.6), (100.0, 50.0, 70.0), 17))
    assert RegionRule.from_json(rule.to_json()) == rule
    assert RegionRule.from_json({}) == RegionRule()


@pytest.mark.parametrize(
    "wrong", [{"values": ()}, {"values": (0,)}, {"dilate_mm": (1, -1, 1)}, {"least": 2}, {"least": -0.1}]
)
def test_impossible_rules(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        RegionRule(**wrong)  # type: ignore[arg-type]


def test_the_body_is_not_the_table() -> None:
    z, y, x = body_box(ct())
    assert (z, x) == (slice(0, 24), slice(6, 38)) or (abs(x.start - 6) <= 3 and abs(x.stop - 38) <= 3)
    assert y.stop <= 33
