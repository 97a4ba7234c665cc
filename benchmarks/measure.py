"""Taking time, and saying on what machine; where results go."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radstore.output_file import writing

RESULTS = Path(__file__).parent / "results"
LONG = 10.0  # seconds; slower calls are not repeated


def seconds(call: Callable[[], Any] | None, repeat: int) -> float:
    """The best of `repeat` calls; NaN without a call."""
    if call is None:
        return float("nan")
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
        if best > LONG:
            break
    return best


def machine(device: str = "cpu") -> dict[str, Any]:
    """Date, processor, cores, what else runs (load over one minute), and the device that computes."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "device": device,
    }


def save(name: str, result: dict[str, Any], figure: Any, folder: Path = RESULTS) -> None:
    """Write NAME.json and NAME.png."""
    with writing(folder / f"{name}.json") as aside:
        aside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    with writing(folder / f"{name}.png") as aside:
        figure.savefig(aside, dpi=150, bbox_inches="tight")
    print(f"\n{folder / name}.json, .png")


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
