"""What the fusion costs: the time of a training step of the fused network over that of the plain one.

Both are nnU-Net's own PlainConvUNet of the published Stage 2, fed the same images, in one run, in turns.

    python -m benchmarks.fusion_step [--device cuda] [--small] [--compile] [--repeat 30]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import fusion.nnunet  # noqa: F401

# isort: split
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from benchmarks.measure import machine
from fusion.network import Batch, FusedUNet, heads_for

CHANNELS, CLASSES, VECTOR = 9, 7, 10
PUBLISHED = {"patch": (48, 128, 288), "features": (32, 64, 128, 256, 320, 320)}
SMALL = {"patch": (16, 64, 64), "features": (16, 32, 64, 128)}
BATCH = 2
LIMIT = 1.03  # the fused step may cost so much of the plain one


def architecture(features: tuple[int, ...]) -> dict[str, Any]:
    stages = len(features)
    strides = [(1, 1, 1), (1, 2, 2)] + [(2, 2, 2)] * (stages - 2)
    return {
        "n_stages": stages,
        "features_per_stage": features,
        "conv_op": nn.Conv3d,
        "kernel_sizes": [(1, 3, 3)] + [(3, 3, 3)] * (stages - 1),
        "strides": strides,
        "n_conv_per_stage": 2,
        "n_conv_per_stage_decoder": 2,
        "conv_bias": True,
        "norm_op": nn.InstanceNorm3d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        "deep_supervision": True,
    }


def stepper(network: nn.Module, data: Any, device: torch.device) -> Callable[[], None]:
    """One training step as nnU-Net's, with a loss that costs little."""
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    scaler = torch.amp.GradScaler(enabled=device.type == "cuda")

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            loss = sum(output.float().square().mean() for output in network(data))
        scaler.scale(loss).backward()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), 12)
        scaler.step(optimiser)
        scaler.update()
        if device.type == "cuda":
            torch.cuda.synchronize()  # a step ends when the card is done

    return step


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked.add_argument("--small", action="store_true", help="a small network and patch, for a CPU")
    asked.add_argument("--compile", action="store_true")
    asked.add_argument("--repeat", type=int, default=20)
    told = asked.parse_args()
    device, size = torch.device(told.device), SMALL if told.small else PUBLISHED
    torch.backends.cudnn.benchmark = True
    made = architecture(size["features"])
    image = torch.randn(BATCH, CHANNELS, *size["patch"], device=device)
    batch = Batch(image, torch.randn(BATCH, VECTOR), torch.ones(BATCH, dtype=torch.bool)).to(device)
    plain = PlainConvUNet(input_channels=CHANNELS, num_classes=CLASSES, **made).to(device)
    fused = FusedUNet(
        CHANNELS,
        CLASSES,
        vector_size=VECTOR,
        heads=heads_for(size["features"][-1]),
        base="PlainConvUNet",
        **made,
    ).to(device)
    networks = [torch.compile(network) if told.compile else network for network in (plain, fused)]
    steps = [stepper(network, data, device) for network, data in zip(networks, (image, batch), strict=True)]
    times: list[list[float]] = [[], []]
    for turn in range(told.repeat + 3):
        for found, step in zip(times, steps, strict=True):  # in turns: what else runs hits both
            start = time.perf_counter()
            step()
            if turn >= 3:  # the first compile and choose algorithms
                found.append(time.perf_counter() - start)
    medians = [statistics.median(found) for found in times]
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    result = {
        **machine(name),
        "patch": size["patch"],
        "batch": BATCH,
        "compiled": told.compile,
        "plain_ms": round(1e3 * medians[0], 2),
        "fused_ms": round(1e3 * medians[1], 2),
        "ratio": round(ratio, 4),
        "ratio_of_medians": round(medians[1] / medians[0], 4),
        "limit": LIMIT,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
