"""`Bound`: a network that remembers the vector of the case it predicts; `Looking`: where it looks."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import nn

from fusion.network import Batch, FusedUNet
from radstore.errors import BadInput


class Bound(nn.Module):
    """A network with one case's vector: takes an image, gives the network image and vector.

    Parameters
    ----------
    network
        That takes a `fusion.network.Batch`.
    vector
        float32 (size,), or None: missing.
    size
        Of the vector.
    """

    def __init__(self, network: nn.Module, vector: np.ndarray | None, size: int) -> None:
        super().__init__()
        if vector is not None and vector.shape != (size,):
            raise BadInput(
                f"a global vector of shape {vector.shape} for a network that takes {size} numbers",
                "Make vector and model from the same spec.",
            )
        self.network = network
        numbers = np.zeros(size, np.float32) if vector is None else vector.astype(np.float32)
        self.vector: torch.Tensor
        self.present: torch.Tensor
        self.register_buffer("vector", torch.from_numpy(numbers))
        self.register_buffer("present", torch.tensor(vector is not None))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of an image (batch, channel, z, y, x)."""
        return self.network(self._batch(image))

    def _batch(self, image: torch.Tensor) -> Batch:
        several = len(image)
        return Batch(image, self.vector.expand(several, -1), self.present.expand(several))


class Looking(Bound):
    """The same network's attention instead of its logits, on the image's voxels.

    1: this voxel is looked at as if all were looked at alike; 2: twice as much.
    """

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Attention (batch, head, z, y, x) of an image (batch, channel, z, y, x)."""
        network = cast(FusedUNet, self.network)
        weights = network.attention(self._batch(image))  # (batch, head, z, y, x) of the bottleneck
        relative = weights * weights[0, 0].numel()
        return nn.functional.interpolate(
            relative.float(), size=image.shape[2:], mode="trilinear", align_corners=False
        )
