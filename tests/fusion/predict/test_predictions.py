"""The folder of predictions: what is written comes back; nothing half-written counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusion.predict.candidates import Candidate
from fusion.predict.origin import Origin
from fusion.predict.predictions import INDEX, CasePrediction, Predictions, Written
from radstore.errors import BadInput
from radstore.images.volume import Geometry, Volume

ORIGIN = Origin("ct", 2, [{"fold": 0, "folder": "m", "digest": "d"}], "s", {"step": 0.5})
GRID = Geometry((6, 5, 4), (0.5, 0.75, 2.5), (-10.0, 20.0, 30.0))
DONE = CasePrediction(0.75, "ok", 0, (0,), "here", (Candidate(0.75, 12, (1.0, 2.0, 3.0)),), None, ("n",), 1.5)


def written() -> Written:
    candidates = np.zeros(GRID.shape, np.float32)
    candidates[1:3, 1:3, 1:4] = np.float32(0.1)
    labels = np.arange(candidates.size).reshape(GRID.shape) % 7
    return Written(Volume(candidates, GRID), Volume(labels.astype(np.uint8), GRID))


def test_what_is_added_comes_back(tmp_path: Path) -> None:
    done = Predictions.start(tmp_path / "new", ORIGIN)
    done.add("a", DONE, written())
    done.add("b", CasePrediction(None, "failed", error={"step": "read", "message": "torn", "remedy": "copy"}))
    found = Predictions.open(tmp_path / "new")
    assert found.cases == done.cases
    assert found.origin.to_json() == ORIGIN.to_json()
    assert found.candidates("a").array.dtype == np.float32
    np.testing.assert_array_equal(found.candidates("a").array, written().candidates.array)
    np.testing.assert_array_equal(found.labels("a").array, written().labels.array)
    assert found.labels("a").geometry.mismatch(GRID, 1e-6) is None
    assert (found.has("a"), found.has("a", [0]), found.has("a", [0, 1]), found.has("b")) == (
        True,
        True,
        False,
        False,
    )


def test_an_image_without_its_line_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Predictions.start(tmp_path, ORIGIN)
    done.add("a", DONE, written())
    with monkeypatch.context() as killed:
        killed.setattr(Predictions, "_write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            done.add("b", DONE, written())
    assert (tmp_path / "b.candidates.nii.gz").exists()
    assert list(Predictions.start(tmp_path, ORIGIN).cases) == ["a"]


def test_more_chains_may_join_and_others_may_not(tmp_path: Path) -> None:
    Predictions.start(tmp_path, ORIGIN).add("a", DONE, written())
    more = replace(ORIGIN, models=[{"fold": 1, "folder": "m1", "digest": "e"}])
    joined = Predictions.start(tmp_path, more).origin
    assert [model["fold"] for model in joined.models] == [0, 1]
    again = replace(ORIGIN, models=[{"fold": 0, "folder": "m", "digest": "other"}])
    with pytest.raises(BadInput, match="chain 0 was trained again"):
        Predictions.start(tmp_path, again)
    with pytest.raises(BadInput, match="another row"):
        Predictions.start(tmp_path, replace(ORIGIN, row="ct+maps"))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no predictions"):
        Predictions.open(tmp_path)
    done = Predictions.start(tmp_path, ORIGIN)
    done.add("abc", DONE, written())
    with pytest.raises(BadInput, match="Did you mean 'abc'"):
        done.labels("abd")
    (tmp_path / INDEX).write_text('{"row": ')
    with pytest.raises(BadInput, match="damaged"):
        Predictions.open(tmp_path)
