"""Two answers to one question: our kernels and PyRadiomics' classes on the same filtered image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import reject

from radstore.engines.groups import Group
from radstore.engines.pyradiomics.features import global_values, voxel_values
from radstore.engines.pyradiomics.library import library
from radstore.engines.results import Results
from radstore.graph import IMAGE, Feature
from radstore.images.box import bounding_box, grown
from radstore.texture.names import FEATURES
from radstore.texture.windows import Windows

DEFAULTS = {
    "binWidth": 1.0,
    "distances": [1],
    "symmetricalGLCM": True,
    "weightingNorm": None,
    "gldm_a": 0,
    "voxelArrayShift": 0,
}
VOXEL = {"kernelRadius": 1, "maskedKernel": True}


def names_of(family: str) -> list[str]:
    """Those that PyRadiomics computes too."""
    return [f.name for f in FEATURES[family].values() if f.status in ("default", "named")]


def effective(settings: dict[str, Any], voxel: bool) -> dict[str, Any]:
    settings = {**DEFAULTS, **(VOXEL if voxel else {}), **settings}
    if "binCount" in settings:
        del settings["binWidth"]
    return settings


def ask_ours(image, mask, family, *, voxel=False, spacing=(1.0, 1.0, 1.0), **settings) -> dict[str, Any]:
    """Feature → its value (float, or an array over the region) from our kernels."""
    inside = mask.astype(bool)
    settings = effective(settings, voxel)
    box = bounding_box(inside)
    cut = grown(box, (settings.get("kernelRadius", 0),) * 3, inside.shape)
    centres = np.argwhere(inside[cut]).astype(np.int32) if voxel else None
    found = Windows(image[cut], inside[cut], spacing, centres).features(family, names_of(family), settings)
    return {name: values.astype(np.float32) if voxel else float(values[0]) for name, values in found.items()}


def ask_theirs(image, mask, family, *, voxel=False, spacing=(1.0, 1.0, 1.0), **settings) -> dict[str, Any]:
    """The same from PyRadiomics."""
    picture, region = sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))
    for volume in (picture, region):
        volume.SetSpacing(spacing)
    features = [Feature(name, family, name, IMAGE, IMAGE) for name in names_of(family)]
    where = np.argwhere(mask)[:, ::-1]
    box = np.stack([where.min(axis=0), where.max(axis=0)], axis=1).ravel()
    out = Results()
    compute = voxel_values if voxel else global_values
    with library():
        compute(Group(family, effective(settings, voxel), features), picture, region, box, out)
    return out.values


@pytest.fixture(scope="session")
def ours():
    """(image, mask, family, voxel=False, spacing=…, **settings) → feature → value, from our kernels."""
    return ask_ours


@pytest.fixture(scope="session")
def theirs():
    """The same from PyRadiomics, each voxel as it is computed alone.

    It knows no grid without neighbours (a single voxel, or all distances longer than the grid): hypothesis
    then tries another one.
    """

    def answer(*args, **settings):
        try:
            return ask_theirs(*args, **settings)
        except RuntimeError as error:
            if "angle count" not in str(error):
                raise
            reject()

    return answer


@pytest.fixture
def rounding_settled(monkeypatch):
    """PyRadiomics with what only the sign of a rounding error decides there decided once and for all.

    - Imc1 of weights far apart in size: ε = 2e-16 is added to px·py ≈ 1e-14. Here HXY1 = HX + HY.
    - Imc2 of independent pairs: mutual information of ±1e-16 gives NaN or 1e-8. Here 0.
    - MCC of a matrix of rank one: an eigenvalue of ±1e-17 gives NaN or 1e-9. Here 0.
    - Correlation where one margin has a single level: its σ is 0 or 1e-16. Here 0.
    """
    from radiomics.glcm import RadiomicsGLCM

    def imc2(self):
        px, py, eps, HXY = (self.coefficients[name] for name in ("px", "py", "eps", "HXY"))
        shared = -np.sum(px * py * np.log2(px * py + eps), (1, 2)) - HXY
        return np.nanmean(np.sqrt(1 - np.exp(-2 * np.where(shared < 1e-12, 0 * shared, shared))), 1)

    def imc1(self):
        px, py, eps, HXY = (self.coefficients[name] for name in ("px", "py", "eps", "HXY"))
        HX, HY = (-np.sum(p * np.log2(p + eps), (1, 2)) for p in (px, py))
        most = np.maximum(HX, HY)
        return np.nanmean(np.where(most < 1e-12, 0 * most, (HXY - HX - HY) / np.where(most == 0, 1, most)), 1)

    def mcc(self):
        px, py, eps = (self.coefficients[name] for name in ("px", "py", "eps"))
        P = self.P_glcm
        if P.shape[1] < 2:
            return 1
        Q = np.einsum("vika,vjka->vija", P / (px + eps), P / (py + eps))
        values = np.sort(np.linalg.eigvals(Q.transpose(0, 3, 1, 2)).real, axis=-1)[..., -2]
        return np.nanmean(np.sqrt(np.where(values < 1e-12, 0, values)), 1)

    def correlation(self):
        i, j, ux, uy, px, py = (self.coefficients[name] for name in ("i", "j", "ux", "uy", "px", "py"))
        di, dj = i[None, :, :, None] - ux, j[None, :, :, None] - uy
        sigma2 = np.sum(self.P_glcm * di**2, (1, 2)) * np.sum(self.P_glcm * dj**2, (1, 2))
        flat = (np.sum(px > 0, (1, 2)) == 1) | (np.sum(py > 0, (1, 2)) == 1)
        value = np.sum(self.P_glcm * di * dj, (1, 2)) / (np.sqrt(sigma2) + self.coefficients["eps"])
        return np.nanmean(np.where(flat, 1.0, value), 1)

    monkeypatch.setattr(RadiomicsGLCM, "getImc1FeatureValue", imc1)
    monkeypatch.setattr(RadiomicsGLCM, "getImc2FeatureValue", imc2)
    monkeypatch.setattr(RadiomicsGLCM, "getMCCFeatureValue", mcc)
    monkeypatch.setattr(RadiomicsGLCM, "getCorrelationFeatureValue", correlation)


# NaN in PyRadiomics only where there is no pair or run at all. With a single direction it then gives other
# features as sums over nothing, and raises on MCC.
NOTHING_THERE = ("JointEnergy", "GrayLevelNonUniformity")


@pytest.fixture(scope="session")
def assert_parity():
    """(ours, theirs, rtol): equal features, NaN where they have NaN, within rtol of what is summed."""

    def check(mine, reference, rtol):
        undefined = np.any([np.isnan(reference[n]) for n in NOTHING_THERE if n in reference], axis=0)
        for name, values in mine.items():
            expected = np.where(undefined, np.nan, reference.get(name, np.nan))
            away = np.abs(np.asarray(values, float) - expected)
            wrong = np.isnan(values) != np.isnan(expected)
            wrong |= np.nan_to_num(away) > rtol * np.nan_to_num(scale(name, expected, reference, rtol))
            assert not np.any(wrong), (
                f"{name}: {np.asarray(values)[wrong][:5]} for {np.asarray(expected)[wrong][:5]}"
            )

    return check


def scale(name, expected, reference, rtol):
    """What a difference is relative to: the value, or where terms cancel a bound of their sizes' sum."""
    size = np.abs(expected) + 1e-6
    if name == "ClusterShade":  # Σ p |s|³ ≤ √(Σ p s² · Σ p s⁴)
        return np.sqrt(np.abs(reference["ClusterTendency"] * reference["ClusterProminence"])) + 1e-6
    if name == "Skewness":  # Σ |d|³ ≤ √(Σ d² · Σ d⁴)
        return np.sqrt(np.abs(reference["Kurtosis"])) + 1e-6
    if name == "Imc1":  # a quotient of entropies, each as accurate as 1
        return size + 1e-14 / (np.abs(reference["JointEntropy"]) + 1e-14) / rtol
    if name in ("Imc2", "MCC"):  # roots of differences: near 0 it is the square that is accurate
        return np.maximum(size, np.minimum(1e-9 / size, 3e-5) / rtol)
    return size
