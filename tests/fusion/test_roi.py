"""The ROI around a region: its box, in the right axes, clipped to the CT."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.roi import Roi
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume

SHAPE = (3, 4, 5)
SPACINGS = st.tuples(*[st.floats(0.4, 5.0)] * 3)
SIZES = st.tuples(*[st.integers(1, 24)] * 3)


@st.composite
def regions(draw: st.DrawFn) -> Volume:
    """A box of ones, and perhaps a lone voxel, in a grid of any spacing."""
    size = draw(SIZES)
    mask = np.zeros(size[::-1], np.uint8)
    for _ in range(draw(st.integers(1, 2))):
        mask[tuple(draw(st.integers(0, n - 1)) for n in mask.shape)] = 1
    return Volume(mask, Geometry(size, draw(SPACINGS)))


LENGTHS = st.tuples(*[st.floats(0.5, 60.0)] * 3)


@given(regions(), LENGTHS)
def test_margins(region: Volume, mm: tuple[float, float, float]) -> None:
    box = Roi("margins", mm).box(region)
    for axis, span in enumerate(box):
        found = np.nonzero(region.array)[axis]
        wide = round(mm[2 - axis] / region.geometry.spacing[2 - axis])
        assert span.start == max(0, found.min() - wide)
        assert span.stop == min(region.array.shape[axis], found.max() + 1 + wide)
    assert region.array[box].sum() == region.array.sum()


@given(regions(), LENGTHS)
def test_a_box_around_the_centre(region: Volume, mm: tuple[float, float, float]) -> None:
    for axis, span in enumerate(Roi("box", mm).box(region)):
        size, spacing = region.array.shape[axis], region.geometry.spacing[2 - axis]
        found = np.nonzero(region.array)[axis]
        centre, wide = (found.min() + found.max() + 1) / 2, max(1, round(mm[2 - axis] / spacing))
        assert 0 <= span.start < span.stop <= size
        assert span.stop - span.start <= wide
        if span.start > 0 and span.stop < size:  # it was not cut
            assert span.stop - span.start == wide
            assert abs((span.start + span.stop) / 2 - centre) <= 0.5
        assert span.start <= centre <= span.stop or wide == 1


def test_axes_are_not_mixed_up() -> None:
    mask = np.zeros((100, 100, 100), np.uint8)
    mask[50, 50, 50] = 1
    region = Volume(mask, Geometry((100, 100, 100), (1.0, 2.0, 5.0)))
    assert Roi("margins", (10, 20, 30)).box(region) == (slice(44, 57), slice(40, 61), slice(40, 61))
    assert Roi("box", (10, 20, 30)).box(region) == (slice(47, 53), slice(45, 55), slice(45, 55))


def test_an_empty_region_is_refused() -> None:
    nothing = Volume(np.zeros(SHAPE, np.uint8), Geometry(SHAPE[::-1]), "case 7, stage1")
    with pytest.raises(BadInput, match="case 7, stage1 is empty"):
        Roi().box(nothing)


@pytest.mark.parametrize(
    ("rule", "mm"),
    [("margin", (1, 1, 1)), ("margins", (1, -1, 1)), ("box", (1, 0, 1)), ("box", (1, 1, -1))],
)
def test_others_are_refused(rule: str, mm: tuple[float, float, float]) -> None:
    with pytest.raises(BadInput, match="an ROI"):
        Roi(rule, mm)
