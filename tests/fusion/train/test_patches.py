"""Which patches a training sees: its seed and the batch's number decide, and nothing else."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.train.patches import WORKERS, Drawn, Numbered, preparing, seeded
from fusion.trainer import FusionTrainer

STEPS, HELD_OUT = 3, 2
Seen = list[tuple[list[str], torch.Tensor, torch.Tensor]]
Watched = Callable[..., tuple[Seen, Seen]]


@pytest.fixture
def watched(cohort: Any, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Trains a row; gives cases, CT and labels of each batch: of those trained on, of those held out."""
    seen: tuple[Seen, Seen] = ([], [])
    step = FusionTrainer._with_vectors

    def looking(self: Any, batch: dict[str, Any], withheld: float) -> dict[str, Any]:
        seen[not withheld].append((list(batch["keys"]), batch["data"][:, :1], batch["target"][0]))
        return step(self, batch, withheld)

    def train(inputs: str, workers: int, name: str = "", epochs: int = 2, **more: Any) -> tuple[Seen, Seen]:
        seen[0].clear()
        seen[1].clear()
        told = {"epochs": epochs, "steps": STEPS, "validation_steps": HELD_OUT, **more}
        cohort.train(inputs, workers=workers, name=name or f"{inputs}-{workers}", **told)
        return list(seen[0]), list(seen[1])

    monkeypatch.setattr(FusionTrainer, "_with_vectors", looking)
    return train


def same(one: Seen, other: Seen) -> bool:
    return len(one) == len(other) and all(
        cases == others and torch.equal(ct, their_ct) and torch.equal(labels, their_labels)
        for (cases, ct, labels), (others, their_ct, their_labels) in zip(one, other, strict=True)
    )


def test_rows_of_a_seed_see_the_same_patches(watched: Watched) -> None:
    training, held_out = watched("ct", workers=2)
    assert (len(training), len(held_out)) == (2 * STEPS, 2 * HELD_OUT)
    for inputs in ("ct+maps", "ct+maps+global"):
        others, others_held_out = watched(inputs, workers=2)
        assert same(training, others)
        assert same(held_out, others_held_out)
    assert not any(torch.equal(training[0][1], ct) for _, ct, _ in training[1:])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_they_are_the_same_whatever_the_number_of_processes(watched: Watched, workers: int) -> None:
    before = set(multiprocessing.active_children())
    two, other = (watched("ct", workers=number) for number in (2, workers))
    assert all(same(*both) for both in zip(two, other, strict=True))
    assert set(multiprocessing.active_children()) <= before


def test_another_seed_sees_others(watched: Watched) -> None:
    first, second = (watched("ct", 2, f"seed{seed}", seed=seed)[0] for seed in (0, 1))
    assert not any(torch.equal(one[1], other[1]) for one, other in zip(first, second, strict=True))


def test_a_training_that_is_continued_goes_on_with_its_patches(watched: Watched) -> None:
    whole = watched("ct", workers=2)
    begun = watched("ct", workers=2, epochs=1, name="a")
    rest = watched("ct", workers=2, name="a", resume=True)
    assert all(same([*one, *other], all_) for one, other, all_ in zip(begun, rest, whole, strict=True))


def test_the_same_seed_gives_the_same_weights_whoever_prepares_patches(cohort: Any) -> None:
    alone, helped = (
        cohort.weights(cohort.train(name=f"by{workers}", epochs=1, workers=workers)) for workers in (0, 2)
    )
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


def chances() -> Iterator[tuple[float, ...]]:
    """Stands for a loader: what it draws, of every kind."""
    while True:
        yield random.random(), np.random.random(), float(torch.rand(1))


@settings(max_examples=25)
@given(processes=st.integers(1, 5), first=st.integers(0, 1000), seed=st.integers(0, 2**40))
def test_processes_share_the_batches_of_one(processes: int, first: int, seed: int) -> None:
    own = seed, 0, Drawn.PATCHES
    alone = Numbered(chances(), own, first, 0)
    workers = [Numbered(chances(), own, first, processes) for _ in range(processes)]
    for number, worker in enumerate(workers):
        worker.set_thread_id(number)
    in_turn = [next(workers[number % processes]) for number in range(12)]
    assert in_turn == [next(alone) for _ in range(12)]
    assert len(set(in_turn)) == 12


def test_no_two_draws_share_a_seed() -> None:
    made = [seeded(*of) for of in itertools.product((0, 1), (0, 1), Drawn, range(100))]
    assert len(set(made)) == len(made)


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, "5")
    with preparing(2):
        assert os.environ[WORKERS] == "2"
    with preparing(None):
        assert os.environ[WORKERS] == "5"
    monkeypatch.delenv(WORKERS)
    with preparing(2):
        pass
    assert WORKERS not in os.environ
