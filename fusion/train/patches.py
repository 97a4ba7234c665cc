"""Who prepares a training's patches, and by which seed: batch i is the same batch whoever prepares it.

nnU-Net's processes are unseeded and hand a batch over when it is done, so that no two trainings see the same
patches. Here the training's seed and a batch's number decide what it holds and how it is augmented: not the
number of processes, nor the row's channels, nor whether the training was continued.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np

WORKERS = "nnUNet_n_proc_DA"
"""nnU-Net's variable: how many processes prepare patches."""
AHEAD = 1
"""Batches that wait for their turn, of each process; it has one more in hand."""


class Drawn(IntEnum):
    """What a seed is for; each has seeds of its own."""

    PATCHES = 0
    HELD_OUT = 1
    STEPS = 2


@contextmanager
def preparing(processes: int | str | None) -> Iterator[None]:
    """Within: so many processes prepare patches; None: as nnU-Net chooses."""
    before = os.environ.get(WORKERS)
    if processes is not None:
        os.environ[WORKERS] = str(processes)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(WORKERS, None)
        else:
            os.environ[WORKERS] = before


def seeded(seed: int, rank: int, drawn: Drawn, number: int) -> int:
    """Seed all generators of this process (Python's, NumPy's, torch's); returns torch's seed.

    Parameters
    ----------
    seed
        Of the training, from 0.
    rank
        Of this process among those that train one network.
    number
        Of the batch, or the epoch.
    """
    import torch

    words = np.random.SeedSequence((seed, rank, drawn, number)).generate_state(2)  # 64 bits: none comes twice
    whole = int(words[0]) << 32 | int(words[1])
    random.seed(whole)
    np.random.seed(words)
    torch.manual_seed(whole)
    return whole


class Numbered:
    """nnU-Net's loader, each of whose batches is drawn by its number.

    Of several processes each has a copy, and prepares every so manieth batch.

    Parameters
    ----------
    loader
        nnU-Net's.
    seed
        All that `seeded` wants but the number.
    first
        Number of the first batch that is wanted.
    processes
        How many share the batches; 0: this one has them all.
    """

    def __init__(self, loader: Any, seed: tuple[int, int, Drawn], first: int, processes: int) -> None:
        self.loader, self.seed = loader, seed
        self._next, self._step = first, max(processes, 1)

    def set_thread_id(self, worker: int) -> None:
        """Called in each process of several, from 0."""
        import torch

        torch.set_num_threads(1)  # as in nnU-Net's; OpenMP's threads of the parent are not in a fork
        self._next += worker

    def __iter__(self) -> Numbered:
        return self

    def __next__(self) -> dict[str, Any]:
        seeded(*self.seed, self._next)
        self._next += self._step
        batch: dict[str, Any] = next(self.loader)
        return batch


def in_order(
    loader: Any, seed: tuple[int, int, Drawn], first: int, processes: int, pin_memory: bool
) -> Iterator[dict[str, Any]]:
    """Batches by their number; processes, if there are any, are started, and `_finish` ends them.

    Parameters
    ----------
    loader, seed, first, processes
        As of `Numbered`.
    pin_memory
        Whether batches are on their way to a GPU.
    """
    from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter

    batches = Numbered(loader, seed, first, processes)
    if not processes:
        return batches
    in_turn = MultiThreadedAugmenter(
        batches, None, processes, num_cached_per_queue=AHEAD, pin_memory=pin_memory
    )
    in_turn.restart()  # starts them: now, before the network has threads, which no fork survives
    return in_turn
