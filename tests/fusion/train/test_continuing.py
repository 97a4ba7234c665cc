"""What lies in the folder already: gone on with, left alone, or begun anew if asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fusion.train.checkpoints import read_checkpoint
from fusion.train.settings import Training
from radstore.errors import BadInput


def test_nothing_is_overwritten_and_what_is_done_is_not_done_again(cohort: Any) -> None:
    told: list[str] = []
    folder = cohort.train("ct", epochs=1)
    with pytest.raises(BadInput, match="is there already"):
        cohort.train("ct", epochs=1)
    cohort.train("ct", epochs=1, resume=True, say=told.append)
    assert told == [f"{folder}: trained already"]
    cohort.train("ct", epochs=3, resume=True, say=told.append)
    assert "behind epoch 1 of 3" in told[-1]
    final = read_checkpoint(folder / "fold_0" / "checkpoint_final.pth")
    assert final["current_epoch"] == Training.from_plans(final["init_args"]["plans"]).epochs == 3


def test_a_training_is_not_continued_as_another(cohort: Any) -> None:
    cohort.train("ct", epochs=1)
    with pytest.raises(BadInput, match="trained with seed 0, now it is 1"):
        cohort.train("ct", epochs=2, seed=1, resume=True)
    with pytest.raises(BadInput, match="of another network"):
        cohort.train("ct+maps", name="ct", resume=True)


def test_what_cannot_be_continued_is_begun_anew_if_asked(cohort: Any) -> None:
    told: list[str] = []
    folder = cohort.train("ct", epochs=1) / "fold_0"
    before = cohort.weights(folder.parent)
    cohort.train("ct", epochs=1, seed=1, resume=True, force=True, say=told.append)
    assert "was trained with seed 0, now it is 1; beginning anew" in told[0]
    after = cohort.weights(folder.parent)
    assert any(not torch.equal(after[name], before[name]) for name in after)
    cohort.train("ct", epochs=1, seed=1, resume=True, force=True, say=told.append)
    assert "trained already" in told[-1]

    def killed(epoch: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cohort.train("ct", epochs=2, seed=2, force=True, progress=killed)
    assert not (folder / "checkpoint_final.pth").exists()  # the other training's: not to be gone on with
    cohort.train("ct", epochs=2, seed=2, resume=True, force=True, say=told.append)
    assert "continuing" in told[-1]
    assert "behind epoch 1 of 2" in told[-1]
