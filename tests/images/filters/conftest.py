"""What PyRadiomics' own filters give, and images to give them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.engines.pyradiomics.filters import FILTERS
from radstore.engines.pyradiomics.library import library


def reference(
    op: str,
    image: np.ndarray,
    spacing: tuple[float, float, float],
    settings: dict[str, Any],
    mask: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Band → image, as `radstore.images.filters.apply` names them; empty where PyRadiomics leaves it out."""
    picture = sitk.GetImageFromArray(image)
    picture.SetSpacing(spacing)
    region = sitk.GetImageFromArray(np.ones(image.shape, np.uint8) if mask is None else mask.astype(np.uint8))
    region.CopyInformation(picture)
    settings = dict(settings)
    if op == "log":
        settings["sigma"] = [settings["sigma"]]
    level = settings.get("level", 1)
    prefix = {"wavelet": "wavelet-" if level == 1 else f"wavelet{level}-", "lbp3d": "lbp-3D-"}.get(op)
    found = {}
    with library(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from radiomics import imageoperations

        for derived, name, _ in getattr(imageoperations, f"get{FILTERS[op]}Image")(
            picture, region, **settings
        ):
            if prefix is None or name.startswith(prefix):
                key = name.removeprefix(prefix) if prefix else ""
                found[key] = sitk.GetArrayFromImage(derived)
    return found


@pytest.fixture(scope="session")
def library_filter() -> Callable[..., dict[str, np.ndarray]]:
    return reference


@pytest.fixture(scope="session")
def volume() -> Callable[..., np.ndarray]:
    """Noise and, in a corner, a flat area: there rounding decides."""

    def make(shape: tuple[int, int, int], dtype: Any, seed: int = 0) -> np.ndarray:
        values = np.random.default_rng(seed).normal(size=shape) * 300
        values[: (shape[0] + 1) // 2, : (shape[1] + 1) // 2] = 101
        return values.astype(dtype)

    return make
