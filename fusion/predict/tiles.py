"""What to try when tiles do not fit on the GPU: one rung of the ladder after another."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fusion.telling import Say, silent

T = TypeVar("T")
NO_MEMORY = ("out of memory", "alloc_failed", "unable to find an engine")
"""Of CUDA, of cuBLAS and cuDNN, and of cuDNN where no algorithm's workspace fits."""
SMALLER = 2  # how often tiles are halved before the processor takes over


@dataclass(frozen=True)
class Rung:
    """One way to run the tiles of a case.

    Parameters
    ----------
    device
        Where the network runs: ``cuda``, ``cuda:1``, ``cpu``, …
    results
        Where the logits of the whole case are summed.
    tile
        Voxels (z, y, x) of the network's grid at a time.
    """

    device: str
    results: str
    tile: tuple[int, int, int]

    def __str__(self) -> str:
        size = " × ".join(map(str, self.tile))
        if self.device == self.results:
            return f"on {self.device}, tiles of {size}"
        return f"on {self.device}, tiles of {size}, results on {self.results}"


class Ladder:
    """Runs what needs memory on the first rung where it fits; what comes after begins there.

    Whether a tile fits does not depend on the case, so later ones get the tiles that they would get alone.
    The processor is never begun with, as it is many times slower: whoever held the GPU's memory may be gone,
    and to ask costs a moment.

    Parameters
    ----------
    rungs
        From `rungs_of`.
    name
        Of the model, for what is said.
    say
        Told of each step down, once.
    """

    def __init__(self, rungs: Sequence[Rung], name: str = "", say: Say = silent) -> None:
        self.rungs, self.name, self.say = list(rungs), name, say
        self._first = 0
        self._said: set[str] = set()

    def run(self, attempt: Callable[[Rung], T]) -> tuple[T, tuple[str, ...]]:
        """What `attempt` gives, and a note if that was not on the first rung.

        Raises
        ------
        RuntimeError
            Of the last rung; or at once, if it is not about memory.
        """
        last = len(self.rungs) - 1
        for at in range(self._first, last):
            try:
                return self._stood_on(at, attempt(self.rungs[at]))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # here, where the error is gone, and with it the frames that held the tensors of the failed try
            self._announce(at)
            release()
        return self._stood_on(last, attempt(self.rungs[last]))

    def _stood_on(self, at: int, found: T) -> tuple[T, tuple[str, ...]]:
        self._first = min(at, max(len(self.rungs) - 2, 0))
        note = f"predicted {self.rungs[at]}: the GPU's memory did not suffice for more"
        return found, (note,) if at else ()

    def _announce(self, at: int) -> None:
        told = f"{self.name}: the GPU's memory does not suffice {self.rungs[at]}; trying {self.rungs[at + 1]}"
        if told not in self._said:
            self._said.add(told)
            self.say(told)


def rungs_of(device: str, tile: Sequence[int], strides: Sequence[Sequence[int]]) -> list[Rung]:
    """What to try, in order; on the processor there is only one way.

    Parameters
    ----------
    tile
        The patch (z, y, x) that the network was trained with.
    strides
        Of each stage of the network, along z, y, x: a tile is a multiple of their product.

    Returns
    -------
    list of Rung
        Results on the GPU; results on the host; smaller tiles, which give slightly other numbers as every
        tile sees less around it; the processor with the trained tile.
    """
    z, y, x = tile
    first = Rung(device, device, (z, y, x))
    if device == "cpu":
        return [first]
    rungs = [first, replace(first, results="cpu")]
    for _ in range(SMALLER):
        smaller = _halved(rungs[-1].tile, strides)
        if smaller == rungs[-1].tile:
            break
        rungs.append(replace(rungs[-1], tile=smaller))
    return [*rungs, Rung("cpu", "cpu", (z, y, x))]


def is_out_of_memory(error: Exception) -> bool:
    """Whether the GPU's memory did not suffice; its libraries have more than one way to say so."""
    import torch

    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in NO_MEMORY)
    )


def release() -> None:
    """Give back the memory of tensors that nobody reaches, and what torch keeps of the GPU's for later."""
    import torch

    gc.collect()  # an error and the frames it came through may hold each other: then only this frees them
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _halved(tile: tuple[int, int, int], strides: Sequence[Sequence[int]]) -> tuple[int, int, int]:
    """The tile with its longest axis halved, to a multiple of what the network divides it by.

    At least two voxels are left at the bottleneck, which instance normalisation needs.
    """
    steps = [1, 1, 1]
    for stride in strides:
        steps = [a * b for a, b in zip(steps, stride, strict=True)]
    axis = max(range(3), key=lambda k: tile[k] // steps[k])
    half = max(tile[axis] // 2 // steps[axis], 2) * steps[axis]
    sizes = [min(half, size) if k == axis else size for k, size in enumerate(tile)]
    return sizes[0], sizes[1], sizes[2]
