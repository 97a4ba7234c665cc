"""From a parsed document to a `Spec`, or to one error that tells everything that is wrong with it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radstore.errors import SpecError
from radstore.graph import BINNED_FIRST_ORDER
from radstore.spec import overrides as sets
from radstore.spec.columns import Column
from radstore.spec.findings import Findings, mapping, shown
from radstore.spec.model import PRECISIONS, Spec
from radstore.spec.read_features import crossed_columns, named_columns
from radstore.spec.read_settings import SECTIONS, read_image_types, read_settings
from radstore.spec.settings import STAGES, Settings, section
from radstore.suggest import suggest
from radstore.texture.names import has_map
from radstore.yaml_file import load_yaml

KEYS = (
    "features",
    "featureClass",
    "imageType",
    "setting",
    "voxelSetting",
    "ibsi",
    "region",
    "maps",
    "precision",
    "provenance",
)


def load_spec(path: Path | str, overrides: Sequence[str] = ()) -> Spec:
    """Read a spec: a PyRadiomics parameter file, or a list of exact feature names.

    Parameters
    ----------
    path
        A YAML (or JSON) file; the spec is named after its stem.
    overrides
        ``setting.binWidth=25``-like values that overrule the file's; each is YAML behind a dotted path.

    Raises
    ------
    SpecError
        If the file cannot be read or anything in it is unknown, of the wrong type, out of range or
        impossible together. All problems are in one error, each with its line.
    """
    path = Path(path)
    document, line_of = load_yaml(path, SpecError)
    if document is None:
        raise SpecError(f"{path} is empty", "Name features: a `features:` list, or `featureClass:`.")
    told = sets.apply(document, overrides)
    return _parse(document, path.stem, Findings(str(path), line_of, told))


def parse(document: Mapping[str, Any], name: str) -> Spec:
    """The spec that a document stands for; `name` is its name, also in messages. Raises `SpecError`."""
    return _parse(copy.deepcopy(dict(document)), name, Findings(name))


def _parse(document: Any, name: str, findings: Findings) -> Spec:
    if not isinstance(document, dict):
        findings.problem((), f"{shown(document)} is not a mapping", f"Its keys can be: {', '.join(KEYS)}.")
        findings.raise_any()
    _check_keys(document, findings)
    settings = read_settings(document, findings)
    filters = read_image_types(document, settings, findings)
    if "features" in document:
        columns = named_columns(document["features"], settings, filters, findings)
        _check_named(document, columns, filters, findings)
    else:
        columns = crossed_columns(document, settings, filters, findings)
    region, maps = _region(document, findings), _maps(document, findings)
    precision = _precision(document, findings)
    provenance = mapping(document, "provenance", findings)
    findings.raise_any()
    if not columns:
        raise SpecError(
            "; ".join([f"{findings.where(())}: no feature is left", *findings.notes]), "Name one."
        )
    _remark(columns, maps, findings)
    return Spec(name, settings, tuple(columns), region, maps, precision, findings.notes, provenance)


def _check_keys(document: Mapping[Any, Any], findings: Findings) -> None:
    for key in document:
        if key in STAGES and (where := section(key)):
            findings.problem(
                (key,), f"{key} does not belong here", f"Put it under `{where}:` ({where}.{key})."
            )
        elif key not in KEYS:
            findings.problem((key,), f"there is no key {shown(key)}", suggest(key, KEYS))


def _check_named(
    document: Mapping[Any, Any],
    columns: Sequence[Column],
    filters: Mapping[str, Settings],
    findings: Findings,
) -> None:
    """What cannot stand, or has no effect, beside a list of exact names."""
    if "featureClass" in document:
        findings.problem(
            ("featureClass",),
            "featureClass stands beside features",
            "Keep one: exact names under features, or classes under featureClass.",
        )
    used = {column.image_type for column in columns if has_map(column.family)}
    for image_type in filters:
        if image_type not in used:
            findings.note(f"imageType.{image_type} has no effect: no feature in the list is of that type")
    image_types = document.get("imageType")
    given = [document.get(key) for key in SECTIONS]
    given += image_types.values() if isinstance(image_types, dict) else []
    for name in ("sigma", "level", "lbp3DLevels"):
        if any(name in values for values in given if isinstance(values, dict)):
            findings.note(f"{name} has no effect: with a list of exact features it follows from their names")


def _region(document: Mapping[Any, Any], findings: Findings) -> str | None:
    region = document.get("region")
    if region is None or (isinstance(region, str) and region.strip()):
        return region
    findings.problem(("region",), f"region is {shown(region)}, not a name", "Name a region of the catalog.")
    return None


def _maps(document: Mapping[Any, Any], findings: Findings) -> bool:
    maps = document.get("maps", False)
    if not isinstance(maps, bool):
        findings.problem(("maps",), f"maps is {shown(maps)}", "Write true or false.")
    return bool(maps)


def _precision(document: Mapping[Any, Any], findings: Findings) -> str | None:
    precision = document.get("precision")
    if precision is not None and precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        findings.problem(("precision",), f"precision is {shown(precision)}", f"Leave it out, or use {known}.")
    return precision


def _remark(columns: Sequence[Column], maps: bool, findings: Findings) -> None:
    """What is worth knowing about the columns as a whole."""
    if maps and not any(has_map(column.family) for column in columns):
        findings.note("maps is true, but shape features have no map: there will be none")
    flat = [column for column in columns if _one_grey_level(column)]
    if flat:
        top, width = flat[0].settings.lbp2DSamples + 1, flat[0].settings.binWidth
        findings.note(
            f"LBP2D holds the values 0 to {top}, so binWidth {width:g} leaves it one grey level, and "
            f"{flat[0].name}{_others(len(flat) - 1)} the same for every image; "
            "set imageType: {LBP2D: {binWidth: 1}}"
        )


def _others(count: int) -> str:
    return f" and {count} other{'s' if count > 1 else ''} are" if count else " is"


def _one_grey_level(column: Column) -> bool:
    s = column.settings
    binned = column.family != "firstorder" or column.feature in BINNED_FIRST_ORDER
    counts = column.image_type == "LBP2D" and s.lbp2DMethod == "uniform" and s.binCount is None
    return counts and binned and has_map(column.family) and s.binWidth > s.lbp2DSamples + 1
