"""Which slices are drawn, and that something is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from fusion.predict.picture import _figure, best_slices, picture
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume
from radstore.report.axial import Axial


def axial(array: np.ndarray, step: float = 2.5) -> Axial:
    z, y, x = array.shape
    return Axial.of(Volume(array, Geometry((x, y, z), (1.0, 1.0, step))))


def test_the_most_confident_candidates_most_probable_slices() -> None:
    candidates, probability = np.zeros((2, 20, 8, 8), np.float32)
    candidates[2:5, 1:3, 1:3], candidates[10:16, 4:6, 4:6] = 0.4, 0.9
    probability[:, 4, 4] = np.linspace(0, 1, 20)
    region = np.ones((20, 8, 8), np.uint8)
    assert best_slices(axial(candidates), axial(probability), axial(region)) == [11, 13, 15]
    assert best_slices(axial(candidates, 10.0), axial(probability), axial(region)) == [13, 14, 15]
    only = candidates * (candidates > 0.5)
    only[11:] = 0
    assert best_slices(axial(only), axial(probability), axial(region)) == [10]


def test_without_candidates_the_region_decides() -> None:
    nothing, region = np.zeros((21, 8, 8), np.float32), np.zeros((21, 8, 8), np.uint8)
    region[4:13, 2, 2] = 1
    assert best_slices(axial(nothing), axial(nothing), axial(region)) == [6, 8, 10]
    assert best_slices(axial(nothing), axial(nothing), axial(region * 0)) == [5, 10, 15]
    assert best_slices(*(axial(array[:1]) for array in (nothing, nothing, region))) == [0]


def test_one_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    volume = Volume(np.ones((4, 8, 8), np.float32), Geometry((8, 8, 4), (1.0, 1.0, 2.5)))
    given = {"region": volume, "probability": volume, "candidates": volume, "title": "a"}
    with pytest.raises(BadInput, match="cannot be written"):
        picture(volume, tmp_path / "file" / "a.png", **given)  # type: ignore[arg-type]


def test_the_number_of_a_candidate_at_the_upper_edge_is_in_the_picture() -> None:
    candidates = np.zeros((3, 40, 40), np.float32)
    candidates[1, :20, 10:20] = 0.5
    figure = _figure(axial(candidates), axial(candidates), axial(candidates), [1])
    (axes,) = figure.axes
    (number,) = [text for text in axes.texts if text.get_text() == "0.50"]
    figure.draw_without_rendering()
    assert axes.get_window_extent().ymax >= number.get_window_extent().ymax


@pytest.mark.parametrize("confidence", [0.0, 0.7])
@pytest.mark.parametrize("slices", [1, 12])
def test_a_picture_is_drawn(
    tmp_path: Path, tiny_ct: Callable[..., Volume], confidence: float, slices: int
) -> None:
    ct = tiny_ct((slices, 40, 40))
    region = np.zeros(ct.array.shape, np.uint8)
    region[:, 10:20, 10:20] = 1
    found = (region * np.float32(confidence)).astype(np.float32)
    given = {
        name: replace(ct, array=array)
        for name, array in (("region", region), ("probability", found), ("candidates", found))
    }
    drawn = imread(picture(ct, tmp_path / "a" / "x.png", **given, title="x"))
    cyan = (drawn[..., 2] > 0.8) & (drawn[..., 0] < 0.3)
    orange = (drawn[..., 0] > 0.8) & (drawn[..., 2] < 0.4)
    assert orange.sum() > 100
    assert (cyan.sum() > 300) == (confidence > 0)
