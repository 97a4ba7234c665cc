"""`FusedUNet`: nnU-Net's own U-Net, into whose bottleneck a vector of radiomics looks.

    image  ──▶ encoder ──▶ skips[:-1] ─────────────────────────────────────▶ decoder ──▶ logits
                  └──────▶ bottleneck (B, C, z, y, x) ──▶ (1 + γ)·x + β ──────▲
                              │ + position                    ▲
                              ▼ keys, values (B, N, C)        │ FiLM, zero at the start
    vector ──▶ query (B, C) ──▶ multi-head cross-attention ──▶ context (B, C)

Letters in the shapes: B samples of a batch, C channels of the bottleneck, N = z·y·x of its voxels, H heads,
D = C / H channels of a head, V numbers of a vector.

The context multiplies instead of only adding, since the decoder's instance normalisation cancels most of what
is added everywhere alike. γ and β begin as zeros: the fused network begins as the plain one, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from dynamic_network_architectures.architectures import unet
from torch import Tensor, nn

from radstore.errors import BadInput

CLASS_NAME = "fusion.network.FusedUNet"
"""As it stands in the plans (``architecture.network_class_name``)."""
BASES = ("ResidualEncoderUNet", "PlainConvUNet")
"""nnU-Net's networks that can be fused."""
HEADS = 8
"""Heads of the attention, where the number of channels allows it; as published."""
LONGEST = 100.0
"""Of the position's waves: 2π·`LONGEST` voxels; a bottleneck has four to twenty along an axis."""


class Batch(NamedTuple):
    """What a fused network is given: as many vectors as images, each with its own.

    A named tuple, so that `torch.compile`, DDP's scatter and autocast see through it.

    Parameters
    ----------
    image
        float32 (B, channels, z, y, x).
    vector
        float32 (B, V), standardised. Any number where `present` is False.
    present
        bool (B,): False where a sample has no vector.
    """

    image: Tensor
    vector: Tensor
    present: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The three of them there; nnU-Net's steps call this."""
        return Batch(*(part.to(device, non_blocking=non_blocking) for part in self))


class FusedUNet(nn.Module):
    """A stock U-Net of nnU-Net with radiomics cross-attention at its bottleneck.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, architecture
        As for the stock network.
    vector_size
        V, how many numbers a vector has.
    heads
        H of the attention; divides the channels of the bottleneck.
    base
        Which stock network: one of `BASES`, by name or by nnU-Net's import string.

    Raises
    ------
    BadInput
        If the base is not one of them, or the heads do not divide the channels.
    """

    encoder: Callable[[Tensor], list[Tensor]]
    decoder: Callable[[list[Tensor]], Tensor | list[Tensor]]
    fusion: RadiomicsAttention

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        *,
        vector_size: int,
        heads: int = HEADS,
        base: str = BASES[0],
        deep_supervision: bool = False,
        **architecture: Any,
    ) -> None:
        super().__init__()
        plain: Any = stock(base)(
            input_channels=input_channels,
            num_classes=num_classes,
            deep_supervision=deep_supervision,
            **architecture,
        )
        self.encoder, self.decoder = plain.encoder, plain.decoder  # by these names in nnU-Net's checkpoints
        self._initialize = plain.initialize
        with torch.random.fork_rng(devices=[]):  # the same seed gives the same U-Net with and without fusion
            self.fusion = RadiomicsAttention(plain.encoder.output_channels[-1], vector_size, heads)

    def initialize(self, module: nn.Module) -> None:
        """nnU-Net's initialisation, as it applies it to every module; it concerns convolutions and norms."""
        self._initialize(module)

    def forward(self, x: Tensor | Batch) -> Tensor | list[Tensor]:
        """Logits (B, classes, z, y, x); with deep supervision a list of them, the finest first.

        Parameters
        ----------
        x
            A batch; or images alone (B, channels, z, y, x), whose vectors are then all missing.
        """
        image, vector, present = self._batch(x)
        skips = self.encoder(image)  # one (B, features, z, y, x) a stage, the bottleneck last
        fused, _ = self.fusion(skips[-1], vector, present)  # (B, C, z, y, x)
        return self.decoder([*skips[:-1], fused])

    def attention(self, x: Tensor | Batch) -> Tensor:
        """Where each head looks: float (B, H, z, y, x) on the bottleneck's voxels, each head's sum 1."""
        image, vector, present = self._batch(x)
        bottleneck = self.encoder(image)[-1]  # (B, C, z, y, x)
        _, weights = self.fusion(bottleneck, vector, present)  # (B, H, N)
        return weights.reshape(*weights.shape[:2], *bottleneck.shape[2:])  # (B, H, z, y, x)

    def _batch(self, x: Tensor | Batch) -> Batch:
        if isinstance(x, Batch):
            return x
        vector = x.new_zeros(len(x), self.fusion.vector_size)  # (B, V)
        return Batch(x, vector, torch.zeros(len(x), dtype=torch.bool, device=x.device))


class RadiomicsAttention(nn.Module):
    """Multi-head cross-attention of a vector to the voxels of a bottleneck, which its context modulates.

    softmax(q·kᵀ / √D)·v with q of the vector, k and v of the voxels, added to what asked, normalised, as in
    a transformer's block (Vaswani et al. 2017); then feature-wise linear modulation (1 + γ)·x + β (Perez et
    al. 2018).

    Parameters
    ----------
    channels
        C of the bottleneck.
    vector_size
        V of the vector.
    heads
        H; divides C.
    """

    def __init__(self, channels: int, vector_size: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise BadInput(
                f"{heads} heads cannot share the {channels} channels of the bottleneck",
                f"Choose a divisor of {channels}, for instance {heads_for(channels)}.",
            )
        self.vector_size, self.heads = vector_size, heads
        self.project = nn.Linear(vector_size, channels)
        self.missing = nn.Parameter(torch.randn(channels))  # stands for a vector that is not there
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)
        # a context of unit size: the modulation moves from the first steps
        self.norm = nn.LayerNorm(channels)
        self.film = nn.Linear(channels, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, vector: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """The modulated bottleneck (B, C, z, y, x) and the weights of the attention (B, H, N)."""
        tokens = x.flatten(2).transpose(1, 2)  # (B, N, C)
        tokens = tokens + positions(x.shape[2:], x.shape[1], x)  # (B, N, C) + (N, C)
        told = torch.where(present[:, None], self.project(vector), self.missing)  # (B, C)
        query = self._split(self.query(told[:, None]))  # (B, 1, C) → (B, H, 1, D)
        key, value = self._split(self.key(tokens)), self._split(self.value(tokens))  # both (B, H, N, D)
        scores = query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5  # (B, H, 1, N)
        weights = scores.softmax(-1)  # (B, H, 1, N), in float32 under autocast
        attended = self.out((weights.to(value.dtype) @ value).flatten(1))  # (B, H, 1, D) → (B, C)
        context = self.norm(told + attended)  # (B, C)
        gamma, beta = self.film(context)[..., None, None, None].chunk(2, dim=1)  # both (B, C, 1, 1, 1)
        return (1 + gamma) * x + beta, weights.squeeze(2)  # (B, C, z, y, x), (B, H, N)

    def _split(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, H, N, D): the channels among the heads."""
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)


def positions(shape: torch.Size, channels: int, like: Tensor) -> Tensor:
    """Sine and cosine waves of a voxel's place, (N, channels), dtype and device of `like`.

    A third of the channels for each of z, y, x, wavelengths from 2π to 2π·`LONGEST` voxels (Vaswani et al.
    2017, along three axes); channels that six does not divide stay 0. Without parameters, so that a patch of
    any size can be read.
    """
    waves = channels // 6  # of each axis, as sine and as cosine
    powers = torch.arange(waves, device=like.device, dtype=torch.float32) / max(waves, 1)  # (waves,)
    encoded = like.new_zeros(*shape, channels)  # (z, y, x, channels)
    for axis, size in enumerate(shape):
        places = torch.arange(size, device=like.device, dtype=torch.float32)  # (size,)
        angles = places[:, None] * LONGEST**-powers  # (size, waves)
        wave = torch.cat((angles.sin(), angles.cos()), dim=-1).to(like.dtype)  # (size, 2·waves)
        along = [size if place == axis else 1 for place in range(len(shape))]
        first = 2 * waves * axis
        encoded[..., first : first + 2 * waves] = wave.view(*along, 2 * waves)
    return encoded.flatten(0, -2)  # (N, channels)


def stock(base: str) -> type[nn.Module]:
    """nnU-Net's network of that name or import string."""
    name = base.rpartition(".")[2]
    if name not in BASES:
        raise BadInput(f"{base!r} cannot be fused", f"Plan with one of {', '.join(BASES)}.")
    return cast("type[nn.Module]", getattr(unet, name))


def heads_for(channels: int) -> int:
    """The most heads, up to `HEADS`, that divide the channels of a bottleneck."""
    return next(heads for heads in range(HEADS, 0, -1) if channels % heads == 0)
