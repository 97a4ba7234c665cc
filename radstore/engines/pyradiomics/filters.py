"""From the graph's filter nodes to PyRadiomics' filtered images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import SimpleITK as sitk

from radstore.engines.pyradiomics.library import imageoperations
from radstore.errors import EngineError
from radstore.graph import Node

# Operation of a node → the filter's name in PyRadiomics (``imageoperations.get<name>Image``).
FILTERS = {
    "log": "LoG",
    "wavelet": "Wavelet",
    "square": "Square",
    "squareroot": "SquareRoot",
    "logarithm": "Logarithm",
    "exponential": "Exponential",
    "gradient": "Gradient",
    "lbp2d": "LBP2D",
    "lbp3d": "LBP3D",
}
BANDED = frozenset({"wavelet", "lbp3d"})  # one transform, several images


def filtered_images(
    transform: Node, image: sitk.Image, mask: sitk.Image
) -> Iterator[tuple[Node, sitk.Image]]:
    """The images that a transform gives, one at a time, each with its node.

    A filter that cannot be applied yields nothing; PyRadiomics logs the reason.

    Parameters
    ----------
    transform
        As `radstore.engines.groups.transform_of` gives it.
    image, mask
        What the filter reads.

    Raises
    ------
    EngineError
        For an operation that is none of `FILTERS`.
    """
    if transform.op not in FILTERS:
        raise EngineError(
            f"PyRadiomics has no filter {transform.op!r}", f"Its filters: {', '.join(FILTERS)}."
        )
    apply = getattr(imageoperations, f"get{FILTERS[transform.op]}Image")
    for derived, name, _ in apply(image, mask, **_arguments(transform)):
        if transform.op not in BANDED:
            yield transform, derived
        elif name.startswith(prefix := _prefix(transform)):
            yield Node("band", (("band", name.removeprefix(prefix)),), (transform,)), derived


def _arguments(transform: Node) -> dict[str, Any]:
    settings = transform.settings
    if transform.op == "log":
        settings["sigma"] = [settings["sigma"]]
    if transform.op == "lbp3d":
        # the library fails with one level; what a level holds does not depend on how many follow
        settings["lbp3DLevels"] = max(2, settings["lbp3DLevels"])
    return settings


def _prefix(transform: Node) -> str:
    """What PyRadiomics writes before a band's name; the first wavelet level goes without its number."""
    if transform.op == "lbp3d":
        # the library fails with one level; what a level holds does not depend on how many follow
        return "lbp-3D-"
    level = transform.settings["level"]
    return "wavelet-" if level == 1 else f"wavelet{level}-"
