"""What PyRadiomics calls the features in the kernels' lists: the one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping

from radstore.texture import _native

# What a family calls the features of `sizes.hpp`: the words that differ.
_SIZE_WORDS: Mapping[str, Mapping[str, str]] = {
    "glrlm": {"Size": "RunLength", "Large": "LongRun", "Small": "ShortRun", "": "Run"},
    "glszm": {"Size": "SizeZone", "Large": "LargeArea", "Small": "SmallArea", "": "Zone"},
    "gldm": {"Size": "Dependence", "Large": "LargeDependence", "Small": "SmallDependence", "": "Dependence"},
}


def _size_feature(family: str, kernel: str) -> str:
    """PyRadiomics' name of a feature that `sizes.hpp` computes."""
    words = _SIZE_WORDS[family]
    if kernel in ("Entropy", "Percentage"):
        return words[""] + kernel
    if kernel == "SizeVariance":
        return words[""] + "Variance"
    if kernel in ("HighGrayLevelEmphasis", "LowGrayLevelEmphasis"):
        return kernel if family == "gldm" else kernel.replace("Emphasis", words[""] + "Emphasis")
    for kernel_word in ("Size", "Large", "Small"):
        if kernel.startswith(kernel_word):
            return words[kernel_word] + kernel.removeprefix(kernel_word)
    return kernel


ORDER: Mapping[str, tuple[str, ...]] = {
    "glcm": tuple(_native.FEATURES["glcm"]),
    **{
        family: tuple(_size_feature(family, kernel) for kernel in _native.FEATURES["sizes"])
        for family in _SIZE_WORDS
    },
    "ngtdm": tuple(_native.FEATURES["ngtdm"]),
    "firstorder": tuple(
        {"P10": "10Percentile", "P90": "90Percentile"}.get(kernel, kernel)
        for kernel in _native.FEATURES["firstorder"]
    ),
}
"""Family → its features, as PyRadiomics calls them, in the order of the kernels' lists."""

FAMILIES = tuple(ORDER)
"""The texture classes."""
