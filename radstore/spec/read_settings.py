"""The sections ``setting``, ``voxelSetting`` and ``imageType``: from a file's values to `Settings`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from radstore.spec.findings import Findings, mapping, shown
from radstore.spec.settings import (
    BOUNDED,
    IBSI_ONLY,
    STAGES,
    TYPES,
    Clash,
    Settings,
    acts_in,
    section,
    validated,
)
from radstore.spec.types import choices, takes
from radstore.suggest import near_miss, suggest
from radstore.texture.names import FILTERS
from radstore.yaml_file import KeyPath

SECTIONS = ("setting", "voxelSetting")


def read_settings(document: Mapping[Any, Any], findings: Findings) -> Settings:
    """The settings that hold for all images. What is wrong goes to `findings` and stays at its default."""
    top = [name for name in STAGES if not section(name)]
    values = _validated({name: document[name] for name in top if name in document}, top, (), findings)
    for key in SECTIONS:
        known = [name for name in STAGES if section(name) == key]
        values |= _validated(mapping(document, key, findings), known, (key,), findings)
    _remark(values, findings)
    try:
        return Settings(**values)
    except ValidationError as e:  # each value is sound by itself; what is left concerns two at once
        clash: Clash = e.errors()[0]["ctx"]["error"]
        findings.problem((section(clash.setting), clash.setting), str(clash), clash.remedy)
        return Settings()


def read_image_types(
    document: Mapping[Any, Any], settings: Settings, findings: Findings
) -> dict[str, Settings]:
    """The settings in force for each image type that the file names, in its order."""
    filters = {}
    for image_type, own in mapping(document, "imageType", findings).items():
        path: KeyPath = ("imageType", image_type)
        if image_type not in FILTERS:
            findings.problem(
                path, f"there is no image type {shown(image_type)}", suggest(image_type, FILTERS)
            )
        elif not isinstance(own, dict):
            findings.problem(
                path,
                f"{image_type} is {shown(own)}, not a mapping of settings",
                f"Write `{image_type}: {{}}` for the settings of all images.",
            )
        else:
            known = [name for name in STAGES if acts_in(name, image_type)]
            values = _validated(own, known, path, findings)
            filters[image_type] = settings.model_copy(
                update={name: values[name] for name in _effective(values, image_type, findings)}
            )
            _remark_ibsi_only(values, settings.ibsi, findings)
            if "binWidth" in values and filters[image_type].binCount is not None:
                findings.note(f"imageType.{image_type}.binWidth has no effect: binCount overrules it")
    return filters


def _validated(
    given: Mapping[Any, Any], known: list[str], path: KeyPath, findings: Findings
) -> dict[str, Any]:
    """Those of the `given` settings that exist, stand in the right section and have a usable value.

    `known` are the names to offer in place of one that does not exist; `path` leads to the section.
    """
    key = (path[0] if path[0] in SECTIONS else "setting") if path else ""
    values = {}
    for name, value in given.items():
        if name not in STAGES:
            findings.problem((*path, name), f"there is no setting {shown(name)}", _listed(name, known))
        elif section(name) != key:
            remedy = f"Put it under `{section(name)}:`." if section(name) else f"Write `{name}:` at the top."
            findings.problem((*path, name), f"{name} does not belong here", remedy)
        else:
            try:
                values[name] = validated(name, value)
            except ValidationError:
                findings.problem((*path, name), *_unusable(name, value))
    return values


def _unusable(name: str, value: Any) -> tuple[str, str]:
    """What is wrong with a setting's value, and what it can be."""
    words = choices(TYPES[name])
    field = Settings.model_fields[name]
    if isinstance(value, str) and words:
        return f"{name} cannot be {shown(value)}", suggest(value, words, "It can be")
    message = f"{name} is {shown(value)}, and takes {takes(TYPES[name])}"
    if value is None:
        return message, f"Leave the line out for the default, {shown(field.default)}."
    return message, f"{name}: {field.description}. Default: {shown(field.default)}."


def _effective(values: Mapping[str, Any], image_type: str, findings: Findings) -> Iterator[str]:
    """The settings that one image type can have for itself; the others are told and left out."""
    for name in values:
        if acts_in(name, image_type):
            yield name
        elif name in ("label", "label_channel"):
            # PyRadiomics would compute this filter's features in another region than the others'
            findings.problem(
                ("imageType", image_type, name),
                f"{name} cannot differ between image types",
                "Put it under `setting:`; another region needs a spec of its own.",
            )
        else:
            findings.note(f"imageType.{image_type}.{name} has no effect there: {_when(name)}")


def _when(name: str) -> str:
    """Where a setting acts that is no feature's."""
    if STAGES[name] == "filter":
        return f"only {' and '.join(BOUNDED)} use it"
    return f"only {STAGES[name]} uses it" if STAGES[name] in FILTERS else "it acts before any filter"


def _listed(name: object, known: list[str]) -> str:
    close = near_miss(name, known)
    hint = f"Did you mean {close!r}? " if close else ""
    return f"{hint}There are: {', '.join(known)}."


def _remark_ibsi_only(values: Mapping[str, Any], ibsi: bool, findings: Findings) -> None:
    for name in IBSI_ONLY:
        if name in values and not ibsi:
            findings.note(f"{name} has no effect without `ibsi: true`: PyRadiomics' filters have no choice")


def _remark(values: Mapping[str, Any], findings: Findings) -> None:
    ibsi = values.get("ibsi", False)
    _remark_ibsi_only(values, ibsi, findings)
    if ibsi and values.get("resampledPixelSpacing") and "padDistance" in values:
        findings.note("padDistance has no effect: with ibsi, filters see the whole resampled image")
    if ibsi and values.get("resegmentRange") is None and values.get("binCount") is None:
        findings.note(
            "ibsi: bins of binWidth begin at resegmentRange's lower bound; there is none, so they begin at "
            "each region's minimum, and one grey level means another intensity in every case"
        )
    if values.get("binCount") is not None and "binWidth" in values:
        findings.note("binCount is given, so binWidth has no effect")
    if not math.isnan(values.get("initValue", math.nan)):
        findings.note("initValue has no effect: maps are NaN outside the region, and where undefined")
