"""The engine `cpu`: the graph walked as the reference does, its texture computed by our kernels."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from radstore.engines.pyradiomics import PyRadiomics
from radstore.engines.pyradiomics.capabilities import refusals
from radstore.engines.pyradiomics.features import Group, Results
from radstore.engines.pyradiomics.library import imageoperations
from radstore.engines.pyradiomics.preprocess import LABEL
from radstore.graph import Graph
from radstore.texture.windows import FAMILIES, Windows

# Algorithm version of each family, part of every key below it: raise it when a value changes.
VERSIONS = {"firstorder": 1, "glcm": 1, "glrlm": 1, "glszm": 1, "gldm": 1, "ngtdm": 1, "discretise": 1}


class Cpu(PyRadiomics):
    """Our texture kernels on the CPU, between the reference engine's filters and its bookkeeping."""

    name = "cpu"
    family = "native/1"

    def version(self, op: str) -> str:
        """``native/<op>/<version>`` for what we compute, else the reference's version."""
        return f"native/{op}/{VERSIONS[op]}" if op in VERSIONS else super().version(op)

    def refusals(self, graph: Graph) -> dict[str, str]:
        """Feature name → why a library that its filters need is not there."""
        return refusals(graph)

    def global_values(
        self, group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results
    ) -> None:
        """Add one number a feature to `out`."""
        if group.family not in FAMILIES:  # shape
            super().global_values(group, image, mask, box, out)
            return _over_n_less_one(group, mask, out) if group.settings.get("ibsi") else None
        windows = _windows(*imageoperations.cropToTumorMask(image, mask, box))
        for name, values in _compute(windows, group).items():
            out.values[name] = float(values[0])

    def voxel_values(
        self, group: Group, image: sitk.Image, mask: sitk.Image, box: np.ndarray, out: Results
    ) -> None:
        """Add one float32 array a feature to `out`: its value at each voxel of the region, in C order."""
        margin = group.settings["kernelRadius"]
        windows = _windows(*imageoperations.cropToTumorMask(image, mask, box, padDistance=margin), every=True)
        for name, values in _compute(windows, group).items():
            out.values[name] = values.astype(np.float32)


def _over_n_less_one(group: Group, mask: sitk.Image, out: Results) -> None:
    """IBSI's axis lengths: PyRadiomics divides the voxels' covariance by n, IBSI by n − 1."""
    voxels = np.count_nonzero(sitk.GetArrayViewFromImage(mask) == LABEL)
    for feature in group.features:
        if feature.feature.endswith("AxisLength"):
            out.values[feature.name] *= np.sqrt(voxels / (voxels - 1))


def _windows(image: sitk.Image, mask: sitk.Image, *, every: bool = False) -> Windows:
    inside = sitk.GetArrayFromImage(mask) == LABEL
    x, y, z = image.GetSpacing()
    return Windows(
        sitk.GetArrayFromImage(image),
        inside,
        (x, y, z),
        np.argwhere(inside).astype(np.int32) if every else None,
    )


def _compute(windows: Windows, group: Group) -> dict[str, np.ndarray]:
    """Full feature name → its values."""
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = windows.features(group.family, [f.feature for f in group.features], group.settings, threads)
    return {feature.name: found[feature.feature] for feature in group.features}
