"""Which device to run on, said with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radstore.errors import BadInput

if TYPE_CHECKING:
    import torch

AUTO = "auto"


def choose_device(name: str = AUTO) -> tuple[torch.device, str]:
    """The device of a name, and why it is this one.

    Parameters
    ----------
    name
        ``auto``: the GPU if there is one; ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises
    ------
    BadInput
        If it is not there, or no device.
    """
    import torch

    there = torch.cuda.is_available()
    if name == AUTO:
        if there:
            return torch.device("cuda"), f"auto-detected: cuda ({torch.cuda.get_device_name()})"
        return torch.device("cpu"), "auto-detected: no CUDA (cpu)"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"--device {name!r} is no device", "Use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not (there and (device.index or 0) < torch.cuda.device_count()):
        found = f"{torch.cuda.device_count()} of them" if there else "none"
        raise BadInput(
            f"--device {name}: torch finds no such CUDA device (it finds {found})",
            "Use --device cpu, or install a driver and a build of torch that fit each other.",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BadInput(f"--device {name}: torch finds no such device", "Use --device cpu.")
    return device, f"as asked: {device}"
