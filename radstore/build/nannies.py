"""The processes of a crew, as Dask's ``SpecCluster`` wants them described."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from radstore.build.crew import GPU, IO, Crew
from radstore.build.devices import LABEL, VISIBLE, Device

HOST = "127.0.0.1"

# Nothing here could be spilled to disk, and a worker that pauses until it gets memory back may never do.
# One that outgrows its share is still restarted, and its case tried again.
_MEMORY = {f"distributed.worker.memory.{step}": False for step in ("target", "spill", "pause")}


def specification(crew: Crew) -> dict[str, dict[str, Any]]:
    """Name → class and options of each worker.

    A GPU's worker sees that GPU alone and computes one case at a time, while its second thread writes the one
    before. Readers see none, so that nothing they import can open one.
    """
    shared = _shared(crew)
    workers = {f"cpu-{n}": {**shared, "nthreads": 1} for n in range(crew.workers)}
    readers = {
        f"reader-{n}": {**shared, "nthreads": 1, "resources": {IO: 1}, "env": {VISIBLE: ""}}
        for n in range(crew.readers)
    }
    gpus = {str(device): _of_device(device, shared) for device in crew.devices}
    described = {**workers, **gpus, **readers}
    return {name: {"cls": "distributed.Nanny", "options": options} for name, options in described.items()}


def pinning(devices: tuple[Device, ...]) -> bool:
    """Whether dask-cuda binds the devices' processes to the cores near them; it wants numbers, no UUIDs."""
    numbered = all(device.visible.isdecimal() for device in devices)
    return numbered and importlib.util.find_spec("dask_cuda") is not None


def _of_device(device: Device, shared: dict[str, Any]) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    if pinning((device,)):
        from dask_cuda.worker_spec import worker_spec

        number = int(device.visible)
        bound = worker_spec(CUDA_VISIBLE_DEVICES=[number], dashboard_address=None)[number]["options"]
    environment = {**bound.get("env", {}), VISIBLE: device.visible, LABEL: str(device)}
    return {**bound, **shared, "nthreads": 2, "resources": {GPU: 1}, "env": environment}


def _shared(crew: Crew) -> dict[str, Any]:
    """What all have in common; each gets an equal share of the memory."""
    from distributed.system import MEMORY_LIMIT

    return {
        "host": HOST,
        "memory_limit": MEMORY_LIMIT // max(1, crew.processes),
        "silence_logs": logging.CRITICAL,
        "config": _MEMORY,
    }
