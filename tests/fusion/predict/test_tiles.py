"""What is tried when a GPU is too small."""

from __future__ import annotations

import weakref

import pytest
import torch

from fusion.predict.tiles import Ladder, Rung, is_out_of_memory, rungs_of

STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]


def test_less_and_less_and_at_last_the_processor() -> None:
    assert rungs_of("cuda", [48, 128, 192], STRIDES) == [
        Rung("cuda", "cuda", (48, 128, 192)),
        Rung("cuda", "cpu", (48, 128, 192)),
        Rung("cuda", "cpu", (48, 128, 96)),
        Rung("cuda", "cpu", (48, 64, 96)),
        Rung("cpu", "cpu", (48, 128, 192)),
    ]
    assert rungs_of("cpu", [48, 128, 192], STRIDES) == [Rung("cpu", "cpu", (48, 128, 192))]


def test_tiles_stay_multiples_of_what_the_network_divides_them_by() -> None:
    for rung in rungs_of("cuda", [20, 56, 40], STRIDES):
        assert all(size % step == 0 for size, step in zip(rung.tile, (4, 8, 8), strict=True))
        assert max(size // step for size, step in zip(rung.tile, (4, 8, 8), strict=True)) >= 2
    assert [rung.tile for rung in rungs_of("cuda", [4, 16, 16], STRIDES)] == [(4, 16, 16)] * 3


def test_what_the_gpus_libraries_say() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert is_out_of_memory(RuntimeError("GET was unable to find an engine to execute this computation"))
    assert not is_out_of_memory(RuntimeError("Sizes of tensors must match"))


RUNGS = rungs_of("cuda", [48, 128, 192], STRIDES)


class Gpu:
    """As if on a GPU where only some rungs fit; remembers what was tried."""

    def __init__(self, *fits: int) -> None:
        self.fits, self.tried = fits, list[int]()

    def __call__(self, rung: Rung) -> str:
        self.tried.append(RUNGS.index(rung))
        if self.tried[-1] not in self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return "logits"


def test_later_cases_begin_where_an_earlier_one_fitted() -> None:
    said: list[str] = []
    ladder, gpu = Ladder(RUNGS, "models/stage2/ct/chain0", said.append), Gpu(2, 3, 4)
    results = [ladder.run(gpu) for _ in range(3)]
    assert gpu.tried == [0, 1, 2, 2, 2]
    assert [found for found, _ in results] == ["logits"] * 3
    assert all("128 × 96, results on cpu" in note for _, (note,) in results)  # each says so
    assert len(said) == 2  # aloud once
    assert said[0].startswith("models/stage2/ct/chain0: the GPU's memory does not suffice on cuda, tiles of")


def test_the_processor_is_the_last_resort_of_every_case_anew() -> None:
    said: list[str] = []
    ladder, full = Ladder(RUNGS, "m", said.append), Gpu(4)
    for _ in range(2):
        assert "predicted on cpu" in ladder.run(full)[1][0]
    assert full.tried == [0, 1, 2, 3, 4, 3, 4]
    assert len(said) == 4
    free_again = Gpu(0, 1, 2, 3, 4)
    ladder.run(free_again)
    assert free_again.tried == [3]


def test_what_fits_says_nothing_and_what_is_no_lack_of_memory_is_raised_at_once() -> None:
    said: list[str] = []
    assert Ladder(RUNGS, "m", said.append).run(Gpu(0)) == ("logits", ())
    assert Ladder(RUNGS[:1]).run(Gpu(0)) == ("logits", ())
    assert said == []
    tried: list[Rung] = []

    def broken(rung: Rung) -> None:
        tried.append(rung)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Ladder(RUNGS).run(broken)
    assert len(tried) == 1
    nothing = Gpu()
    with pytest.raises(torch.OutOfMemoryError):
        Ladder(RUNGS).run(nothing)
    assert nothing.tried == [0, 1, 2, 3, 4]


def test_nothing_of_a_failed_try_is_held_in_the_next() -> None:
    """Not even where the error and the frame that it came through hold each other."""
    held: list[weakref.ref[torch.Tensor]] = []

    def attempt(rung: Rung) -> None:
        assert [ref() for ref in held] == [None] * len(held)
        results = torch.zeros(3)
        held.append(weakref.ref(results))
        try:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        except RuntimeError as error:
            kept = error  # noqa: F841  a cycle: the error's traceback has this frame
            raise

    with pytest.raises(torch.OutOfMemoryError):
        Ladder(RUNGS).run(attempt)
    assert len(held) == len(RUNGS)
