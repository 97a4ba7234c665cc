"""nnU-Net's checkpoints without its pickles: plain content out, weights in."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radstore.errors import BadInput
from radstore.output_file import writing
from radstore.suggest import missing_path

WEIGHTS = "network_weights"
"""Of the weights in a checkpoint of nnU-Net's."""
_SCALARS: list[Any] = [
    np._core.multiarray.scalar,
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float16, np.float32, np.float64, np.int64)),
]
"""What stock checkpoints hold, in their losses and scores, that `torch.load` does not take unasked."""


def plain(value: Any) -> Any:
    """The same without NumPy's types, which `torch.load` takes only from files it trusts."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {plain(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(part) for part in value)
    return value


def write_plain(save: Callable[[io.BytesIO], None], path: Path | str, other: Mapping[str, Any]) -> None:
    """Write a checkpoint of nnU-Net's as `plain` content; the file appears whole or not at all.

    Parameters
    ----------
    save
        nnU-Net's, which hands what it is given to `torch.save`.
    other
        What stands in place of nnU-Net's.
    """
    content = io.BytesIO()
    save(content)
    content.seek(0)
    checkpoint = plain(torch.load(content, "cpu", weights_only=False))  # its own; no second copy on a GPU
    with writing(path) as aside:
        torch.save(checkpoint | other, aside)


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """A checkpoint of nnU-Net's or ours on the CPU; nothing in it is executed.

    Raises
    ------
    BadInput
        If it is not there, cannot be read, or is no checkpoint of nnU-Net's.
    """
    if not Path(path).exists():
        raise BadInput(*missing_path(Path(path)))
    try:
        with torch.serialization.safe_globals(_SCALARS):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}", "Name a checkpoint of nnU-Net or fusion."
        ) from error
    if not isinstance(found, dict) or WEIGHTS not in found:
        raise BadInput(f"{path} has no {WEIGHTS!r}", "Name a checkpoint of nnU-Net or fusion (.pth).")
    return found


@dataclass(frozen=True)
class Loaded:
    """What a network took from a checkpoint.

    Parameters
    ----------
    taken
        Names of weights that came from there.
    left
        Weights of the network that did not, and why.
    """

    taken: tuple[str, ...]
    left: dict[str, str]


def load_initial(network: nn.Module, path: Path | str) -> Loaded:
    """Start from the encoder and decoder of a checkpoint.

    What may differ stays as it is initialised: the first convolution where other channels come in, the
    layers that give the logits where other labels go out, and the fusion.

    Raises
    ------
    BadInput
        If anything else differs: it is another network.
    """
    theirs: dict[str, Tensor] = read_checkpoint(path)[WEIGHTS]
    ours = network.state_dict()
    taken = [name for name, weight in ours.items() if name in theirs and theirs[name].shape == weight.shape]
    left = {name: _difference(name, ours[name], theirs.get(name)) for name in ours if name not in taken}
    wrong = [
        f"{name}: {why}" for name, why in left.items() if not _may_differ(name, ours[name], theirs.get(name))
    ]
    if wrong:
        raise BadInput(
            f"{path} is of another network: {len(wrong)} of {len(ours)} weights do not fit, first {wrong[0]}",
            "Start from a checkpoint that was trained with the same plan, or without --init-from.",
        )
    network.load_state_dict({**ours, **{name: theirs[name] for name in taken}})
    return Loaded(tuple(taken), left)


def _difference(name: str, ours: Tensor, theirs: Tensor | None) -> str:
    if theirs is None:
        return "not in the checkpoint"
    return f"{tuple(theirs.shape)} there, {tuple(ours.shape)} here"


def _may_differ(name: str, ours: Tensor, theirs: Tensor | None) -> bool:
    if name.startswith("fusion."):
        return True
    if theirs is None or theirs.ndim != ours.ndim:
        return False
    outputs = ".seg_layers." in f".{name}" and theirs.shape[1:] == ours.shape[1:]
    inputs = ours.ndim > 2 and _without(theirs.shape, 1) == _without(ours.shape, 1) and _is_first(name)
    return outputs or inputs


def _is_first(name: str) -> bool:
    """Whether it is the convolution that the image comes into (which the decoder names a second time)."""
    return name.removeprefix("decoder.").startswith(("encoder.stem.convs.0.", "encoder.stages.0.0.convs.0."))


def _without(shape: torch.Size, axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
