from __future__ import annotations

import math

import numpy as np
import pytest

from fusion.evaluate.dice import dice, summary


def test_by_hand() -> None:
    truth = np.array([[[1, 1, 1, 2, 2, 0, 0, 7]]], np.uint8)
    predicted = np.array([[[1, 1, 0, 0, 2, 3, 9, 0]]], np.uint8)
    found = dice(predicted, truth)
    assert found["lesion"] == pytest.approx(2 * 2 / (3 + 2))
    assert found["veins"] == pytest.approx(2 * 1 / (2 + 1))
    assert math.isnan(
        found["arteries"]
    )  # predicted where there is none: no Dice, a false candidate elsewhere
    assert math.isnan(dice(predicted, truth, ["lesion"])["veins"])
    assert dice(np.zeros_like(truth), truth)["lesion"] == 0


def test_summary_counts_what_is_absent() -> None:
    found = summary([{"lesion": 0.5}, {"lesion": 1.0}, {"lesion": math.nan}, {}])
    assert (found["lesion"].mean, found["lesion"].cases, found["lesion"].absent) == (0.75, 2, 2)
    assert found["lesion"].sd == pytest.approx(np.std([0.5, 1], ddof=1))
    assert math.isnan(found["duct"].mean)
