"""What to try when tiles do not fit on the GPU: one step of the ladder after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

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


def ladder(device: str, tile: Sequence[int], strides: Sequence[Sequence[int]]) -> list[Rung]:
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


def release(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the GPU."""
    import torch

    if device.type == "cuda":
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
