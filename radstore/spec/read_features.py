"""The sections ``features`` and ``featureClass``: from names to columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from radstore.spec.columns import ORIGINAL, Column, Image, bands, images, read_image
from radstore.spec.findings import Findings, mapping, shown
from radstore.spec.settings import Settings
from radstore.suggest import near_miss, suggest
from radstore.texture.names import FEATURES, FILTERS, default_features, has_map
from radstore.yaml_file import KeyPath

SHAPES = ("shape", "shape2D")
_EVERY_ORIGINAL = [f"original_{family}_{name}" for family in FEATURES for name in FEATURES[family]]
_IMAGE_NAMES = ", ".join(image.pattern for image in FILTERS.values())


def named_columns(
    names: Any, settings: Settings, filters: Mapping[str, Settings], findings: Findings
) -> list[Column]:
    """The columns of a list of exact names, in its order; `filters` are the settings of its image types."""
    if not isinstance(names, list):
        findings.problem(
            ("features",), f"features is {shown(names)}, not a list", "Write one `- name` a line."
        )
        return []
    columns: dict[str, Column] = {}
    for place, name in enumerate(names):
        path: KeyPath = ("features", place)
        if not isinstance(name, str):
            findings.problem(path, f"{shown(name)} is not a feature's name", "Write one `- name` a line.")
        elif name in columns:
            findings.problem(path, f"{name} stands there twice", "Keep one of the two.")
        elif column := _named(name, settings, filters, path, findings):
            columns[name] = column
    return list(columns.values())


def crossed_columns(
    document: Mapping[Any, Any], settings: Settings, filters: Mapping[str, Settings], findings: Findings
) -> list[Column]:
    """Every feature of every class on every image, in the order in which PyRadiomics gives them."""
    wanted = _wanted(mapping(document, "featureClass", findings), settings, findings)
    columns = [
        Column.of(ORIGINAL, family, feature, settings)
        for family in SHAPES
        for feature in wanted.get(family, ())
    ]
    for image_type, own in (filters or {"Original": settings}).items():
        if image_type == "LoG" and not own.sigma:
            findings.problem(
                ("imageType", "LoG"), "LoG has no sigma", "Give its widths in mm: LoG: {sigma: [1.0, 3.0]}."
            )
        for image in images(image_type, own):
            columns += [
                Column.of(image, family, feature, own)
                for family in wanted
                if has_map(family)
                for feature in wanted[family]
            ]
    unique = {column.name: column for column in columns}
    if len(unique) < len(columns):
        findings.note(
            "an image is asked for twice (a sigma stands there twice); its features are computed once"
        )
    return list(unique.values())


def _wanted(classes: Mapping[Any, Any], settings: Settings, findings: Findings) -> dict[str, tuple[str, ...]]:
    """Feature class → features, in the file's order."""
    wanted = {}
    for family, names in (classes or dict.fromkeys(FEATURES)).items():
        path: KeyPath = ("featureClass", family)
        if family not in FEATURES:
            findings.problem(path, f"there is no feature class {shown(family)}", suggest(family, FEATURES))
        elif names is not None and not isinstance(names, list):
            findings.problem(
                path,
                f"{family} is {shown(names)}, not a list of features",
                f"Write `{family}: []` for all of them.",
            )
        elif family == "shape2D" and not settings.force2D:
            findings.note("shape2D is left out: its features exist only with force2D: true")
        else:
            wanted[family] = tuple(_chosen(family, names, findings)) or default_features(family)
    return wanted


def _chosen(family: str, names: list[Any] | None, findings: Findings) -> Iterator[str]:
    seen = set()
    for place, name in enumerate(names or ()):
        if not isinstance(name, str) or name not in seen:
            if _usable(family, name, ("featureClass", family, place), findings):
                yield name
        else:
            findings.note(f"{family}_{name} stands in featureClass twice; it is computed once")
        seen.add(str(name))


def _usable(family: str, name: Any, path: KeyPath, findings: Findings) -> bool:
    """Whether a class has this feature and it still has a value."""
    known = FEATURES[family].get(name) if isinstance(name, str) else None
    if known is None:
        features = default_features(family)
        findings.problem(
            path,
            f"{family} has no feature {shown(name)}",
            suggest(name, features, f"{family} has", len(features)),
        )
    elif known.status == "withdrawn":
        instead = f"Use {known.instead}, which is the same number." if known.instead else "Leave it out."
        findings.problem(path, f"{family}_{name} is withdrawn: PyRadiomics gives no value for it", instead)
        return False
    return known is not None


def _named(
    name: str, settings: Settings, filters: Mapping[str, Settings], path: KeyPath, findings: Findings
) -> Column | None:
    parts = name.split("_")
    if len(parts) != 3:
        close = near_miss(name, _EVERY_ORIGINAL)
        findings.problem(
            path,
            f"{shown(name)} is not <image>_<class>_<feature>",
            f"Did you mean {close!r}?" if close else "Write for example wavelet-LLH_glcm_Imc1.",
        )
        return None
    image_name, family, feature = parts
    image = read_image(image_name)
    if image is None:
        findings.problem(path, f"there is no image {shown(image_name)}", _image_remedy(image_name))
    if family not in FEATURES:
        findings.problem(path, f"there is no feature class {shown(family)}", suggest(family, FEATURES))
        return None
    if not _usable(family, feature, path, findings) or image is None:
        return None
    own = filters.get(image.image_type, settings) if has_map(family) else settings
    if fault := _misfit(image, family, feature, own):
        findings.problem(path, *fault)
        return None
    return Column.of(image, family, feature, own)


def _misfit(image: Image, family: str, feature: str, settings: Settings) -> tuple[str, str] | None:
    """Why an image, a class and the settings do not go together, and what to do; None if they do."""
    # 1. Shape reads the mask, which no filter changes.
    if not has_map(family) and image != ORIGINAL:
        remedy = f"Write original_{family}_{feature}."
        return f"{family} features read the mask, so there are none of {image.name}", remedy
    # 2. A single slice's shape is defined by its plane.
    if family == "shape2D" and not settings.force2D:
        return "shape2D features exist only in one plane", "Set force2D: true under `setting:`, or use shape."
    # 3. A wavelet band has one letter an axis that is transformed.
    if image.image_type == "Wavelet" and image.band not in (known := bands(settings)):
        state = "with" if settings.force2D else "without"
        return f"{image.name} is no wavelet band {state} force2D", suggest(image.band, known, "The bands are")
    return None


def _image_remedy(name: str) -> str:
    examples = [image.name for kind in FILTERS for image in images(kind, Settings(sigma=(1.0,)))]
    close = near_miss(name, examples)
    hint = f"Did you mean {close!r}? " if close else ""
    return f"{hint}Images are: {_IMAGE_NAMES}."
