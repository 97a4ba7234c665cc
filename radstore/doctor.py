"""What is installed here, which engines work, and why the others do not."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import radstore
from radstore.errors import EngineError

if TYPE_CHECKING:
    from radstore.build.devices import Device

# Distribution → what radstore needs it for; those of an extra are named with it.
PACKAGES = {
    "numpy": "arrays",
    "SimpleITK": "reading and writing images",
    "pyradiomics-bhklab": "engine pyradiomics",
    "scikit-image": "LBP filters of engine pyradiomics",
    "PyWavelets": "wavelet filters",
    "joblib": "selection, checks and perturbations in parallel",
    "threadpoolctl": "the same numbers on any number of cores",
    "combatlearn": "harmonising sites (radstore[harmonise])",
    "trimesh": "LBP3D in engine pyradiomics (optional)",
    "zarr": "the store",
    "obstore": "stores on s3://, gs://, az://",
    "xarray": "queries",
    "dask": "builds",
    "distributed": "builds",
    "openpyxl": "tables from .xlsx",
    "pyarrow": "export to Parquet (radstore[parquet])",
    "cupy-cuda12x": "engine cuda (radstore[cuda12])",
    "cupy-cuda13x": "engine cuda (radstore[cuda13])",
    "dask-cuda": "builds on GPUs: processes near their GPU (optional)",
    "torch": "reading blocks in a DataLoader (optional)",
}


@dataclass(frozen=True)
class Package:
    """A package: its name, the version here (None: not installed), and what it is for."""

    name: str
    version: str | None
    purpose: str


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Parameters
    ----------
    engines
        Name → ``ok`` or why not.
    gpus
        The CUDA devices that this process may use, as ``--gpus`` numbers them.
    no_gpu
        Why there is none; empty if there is one.
    """

    radstore: str
    python: str
    platform: str
    cores: int
    free_memory_gb: float
    free_disk_gb: float
    packages: tuple[Package, ...]
    engines: dict[str, str]
    gpus: tuple[Device, ...]
    no_gpu: str


def diagnose() -> Diagnosis:
    """Look at this machine."""
    from radstore.build.hire import cores
    from radstore.build.needs import free_memory
    from radstore.engines.registry import available

    gpus, no_gpu = _gpus()
    return Diagnosis(
        radstore=radstore.__version__,
        python=sys.version.split()[0],
        platform=platform.platform(),
        cores=cores(),
        free_memory_gb=free_memory() / 1e9,
        free_disk_gb=shutil.disk_usage(Path.cwd()).free / 1e9,
        packages=tuple(Package(name, _version(name), purpose) for name, purpose in PACKAGES.items()),
        engines=available(),
        gpus=gpus,
        no_gpu=no_gpu,
    )


def _gpus() -> tuple[tuple[Device, ...], str]:
    """The devices, or why there is none."""
    from radstore.build.devices import visible

    try:
        return visible(), ""
    except EngineError as error:
        return (), str(error)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
