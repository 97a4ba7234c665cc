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


def _name(family: str, kernel: str) -> str:
    """PyRadiomics' name of a feature in the kernels' lists."""
    if family in _SIZE_WORDS:
        return _size_feature(family, kernel)
    return {"P10": "10Percentile", "P90": "90Percentile"}.get(kernel, kernel)


LISTS: Mapping[str, str] = {
    family: "sizes" if family in _SIZE_WORDS else family
    for family in ("glcm", "glrlm", "glszm", "gldm", "ngtdm", "firstorder")
}
"""Family → the kernels' list that has its features."""

ORDER: Mapping[str, tuple[str, ...]] = {
    family: tuple(_name(family, kernel) for kernel, _, _ in _native.FEATURES[listed])
    for family, listed in LISTS.items()
}
"""Family → its features, as PyRadiomics calls them, in the order of the kernels' lists."""

OWN: Mapping[str, Mapping[str, str]] = {
    family: {_name(family, kernel): meaning for kernel, _, meaning in _native.FEATURES[listed] if meaning}
    for family, listed in LISTS.items()
}
"""Family → the features that PyRadiomics has not → what they are."""

FAMILIES = tuple(ORDER)
"""The texture classes."""
