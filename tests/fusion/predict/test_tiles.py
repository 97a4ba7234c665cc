"""What is tried when a GPU is too small."""

from __future__ import annotations

import torch

from fusion.predict.tiles import Rung, is_out_of_memory, ladder

STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]


def test_less_and_less_and_at_last_the_processor() -> None:
    assert ladder("cuda", [48, 128, 192], STRIDES) == [
        Rung("cuda", "cuda", (48, 128, 192)),
        Rung("cuda", "cpu", (48, 128, 192)),
        Rung("cuda", "cpu", (48, 128, 96)),
        Rung("cuda", "cpu", (48, 64, 96)),
        Rung("cpu", "cpu", (48, 128, 192)),
    ]
    assert ladder("cpu", [48, 128, 192], STRIDES) == [Rung("cpu", "cpu", (48, 128, 192))]


def test_tiles_stay_multiples_of_what_the_network_divides_them_by() -> None:
    for rung in ladder("cuda", [20, 56, 40], STRIDES):
        assert all(size % step == 0 for size, step in zip(rung.tile, (4, 8, 8), strict=True))
        assert max(size // step for size, step in zip(rung.tile, (4, 8, 8), strict=True)) >= 2
    assert [rung.tile for rung in ladder("cuda", [4, 16, 16], STRIDES)] == [(4, 16, 16)] * 3


def test_what_the_gpus_libraries_say() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert is_out_of_memory(RuntimeError("GET was unable to find an engine to execute this computation"))
    assert not is_out_of_memory(RuntimeError("Sizes of tensors must match"))
