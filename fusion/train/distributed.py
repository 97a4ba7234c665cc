"""One process of several: `torchrun` starts them, each joins here and gets its own device."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from radstore.errors import BadInput

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
"""What `torchrun` tells each process, in its environment."""


@contextmanager
def joined(ddp: bool | None, device: torch.device) -> Iterator[torch.device]:
    """Within: this process is one of its group, if `torchrun` started it; gives its device.

    Parameters
    ----------
    ddp
        True: insist on it; False: train alone; None: as it was started.
    device
        On CUDA each process has the GPU of its local rank (and NCCL), else all have the CPU (and gloo).

    Raises
    ------
    BadInput
        If it is asked for and `torchrun` did not start this process, or there are too few GPUs.
    """
    told = all(name in os.environ for name in TORCHRUN)
    if ddp and not told:
        raise BadInput(
            "--ddp, but no `torchrun` started this process",
            "Start one process a GPU: torchrun --nproc-per-node N -m fusion train … --ddp",
        )
    if ddp is False or not told:
        yield device
        return
    if device.type == "cuda":
        device = _own_gpu(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()
        # what held the group lies in reference cycles: left to the interpreter's end, gloo's threads abort it
        gc.collect()


def is_main() -> bool:
    """Whether this process writes and speaks: it is alone, or the first."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def wait() -> None:
    """Until all processes of the group are here."""
    if distributed.is_initialized():
        distributed.barrier()


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def _own_gpu(rank: int) -> torch.device:
    if rank >= torch.cuda.device_count():
        raise BadInput(
            f"process {rank} of this machine has no GPU: there are {torch.cuda.device_count()}",
            "Give torchrun as many --nproc-per-node as there are GPUs.",
        )
    torch.cuda.set_device(rank)
    return torch.device("cuda", rank)
