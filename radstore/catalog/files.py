"""The driver ``files``: images and labels in folders, found by patterns, described by a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radstore.catalog.model import Case, Found, Region
from radstore.catalog.patterns import Folders, Match, Pattern
from radstore.catalog.tables import Row, read_table, rows_by_case
from radstore.errors import CatalogError, LabelsError
from radstore.suggest import near_miss, suggest

ARGUMENTS = ("image", "labels", "table", "case_column", "patient_column", "sheet")
# What a label image is called when the catalog gives one pattern and no name.
LABELS = "labels"


def cases(name: str, args: Mapping[str, Any], regions: Mapping[str, Region], folder: Path) -> Found:
    """Find the cases of a source.

    Parameters
    ----------
    name
        The source's name.
    args
        ``image``: a pattern with ``{case}`` (see `radstore.catalog.patterns`); ``labels``: a pattern, or
        name → pattern; ``table`` (CSV, TSV, XLSX) with ``case_column`` and, if wanted, ``patient_column``
        and ``sheet``.
    regions
        Region name → `Region`.
    folder
        The catalog's folder, to which relative paths refer.

    Returns
    -------
    Found
        A case without its label file, with several, or with several images has a problem.

    Raises
    ------
    CatalogError
        If an argument is wrong, no image is found, or the table cannot be used.
    """
    what = _parse(name, args, regions, folder)
    rows = _rows(name, args, folder)
    images: dict[str, list[Match]] = {}
    for match in what.image.find():
        images.setdefault(match.fields["case"], []).append(match)
    if not images:
        raise _nothing(name, what.image)
    for id_ in images:
        _require_text(name, id_)
    found = [_case(name, what, id_, matches, rows, regions) for id_, matches in sorted(images.items())]
    return Found(found, _notes(name, args, images, rows))


def _require_text(name: str, id_: str) -> None:
    """A file name in another encoding than UTF-8 gives an id that no manifest can hold."""
    try:
        id_.encode()
    except UnicodeEncodeError as error:
        raise CatalogError(
            f"source {name!r}: the case id {id_!r} is not UTF-8 text", "Rename the file."
        ) from error


@dataclass(frozen=True)
class _Patterns:
    image: Pattern
    labels: Mapping[str, Pattern]


def _parse(name: str, args: Mapping[str, Any], regions: Mapping[str, Region], folder: Path) -> _Patterns:
    for key in ARGUMENTS:
        value = args.get(key)
        if value is not None and (not isinstance(value, str) or not value) and key != "labels":
            raise CatalogError(f"source {name!r}: {key} is {value!r}", "Give it as text.")
    if args.get("image") is None:
        raise CatalogError(f"source {name!r} has no image pattern", "Give args: image: …/{case}.nii.gz.")
    labels = args.get("labels") or {}
    labels = {LABELS: labels} if isinstance(labels, str) else labels
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise CatalogError(
            f"source {name!r}: labels is {labels!r}", "Give a pattern, or `name: pattern` lines."
        )
    folders = Folders()
    patterns = {key: Pattern(text, folder, folders) for key, text in {"": args["image"], **labels}.items()}
    for pattern in patterns.values():
        if "case" not in pattern.fields:
            raise CatalogError(
                f"source {name!r}: the pattern {pattern.text!r} has no {{case}}",
                "Put {case} where the case's id stands in the path.",
            )
    for key, region in regions.items():
        if not labels or region.labels not in (None, *labels):
            wanted = repr(region.labels or LABELS)
            remedy = suggest(region.labels or "", labels, "Its label images are")
            raise CatalogError(f"source {name!r}: the region {key!r} needs a label image {wanted}", remedy)
    return _Patterns(patterns.pop(""), patterns)


def _rows(name: str, args: Mapping[str, Any], folder: Path) -> dict[str, Row]:
    if args.get("table") is None:
        if extra := [key for key in ("case_column", "patient_column", "sheet") if args.get(key) is not None]:
            raise CatalogError(f"source {name!r} has {extra[0]}, but no table", "Add `table: …`.")
        return {}
    path = folder / Path(args["table"]).expanduser()
    table = read_table(path, args.get("sheet"))
    if args.get("case_column") is None:
        remedy = f"Say which column has the ids, one of: {', '.join(table.header)}."
        raise CatalogError(f"source {name!r} has a table, but no case_column", remedy)
    return rows_by_case(table, args["case_column"], args.get("patient_column"))


def _case(
    name: str,
    what: _Patterns,
    id_: str,
    matches: Sequence[Match],
    rows: Mapping[str, Row],
    regions: Mapping[str, Region],
) -> Case:
    row, fields = rows.get(id_), matches[0].fields
    columns = row.columns if row else dict.fromkeys(next(iter(rows.values())).columns if rows else ())
    told = row.patient if row else None
    patient = told or fields.get("patient")
    known = {"case": id_, **({"patient": patient} if patient else {})}
    labels = {key: pattern.find(known) for key, pattern in what.labels.items()}
    case = Case(
        id=id_,
        patient=patient or id_,
        source=name,
        image=matches[0].path,
        labels=tuple((key, found[0].path) for key, found in labels.items() if found),
        regions=regions,
        columns=columns,
    )
    if len(matches) > 1:
        case = case.refused(
            f"the case {id_!r} has {len(matches)} images: {_listed(matches)}",
            "Make the image pattern narrower, or give each an id of its own.",
        )
    if told and told != fields.get("patient", told):
        case = case.refused(
            f"the case {id_!r} is of patient {fields['patient']!r} by {case.image}, of {told!r} by the table",
            "Correct one of the two: folds are made by patient.",
        )
    for key, found in labels.items():
        if len(found) != 1:
            case = _without_labels(case, what.labels[key], known, found)
    return case


def _without_labels(case: Case, pattern: Pattern, fields: Mapping[str, str], found: Sequence[Match]) -> Case:
    if found:
        return case.refused(
            f"the case {case.id!r} has {len(found)} label files: {_listed(found)}",
            f"Make the pattern {pattern.text!r} narrower.",
            kind=LabelsError,
        )
    wanted = pattern.filled(fields)
    folder, names = pattern.reach(fields)
    close = near_miss(wanted.name, names)
    return case.refused(
        f"the case {case.id!r} has no label file {wanted}",
        f"Did you mean {close!r}?" if close else f"{folder} has {len(names):,} entries: check the pattern.",
        kind=LabelsError,
    )


def _nothing(name: str, pattern: Pattern) -> CatalogError:
    folder, names = pattern.reach()
    shown = f", such as {', '.join(names[:3])}" if names else ""
    return CatalogError(
        f"source {name!r}: no file matches {pattern.filled({})}",
        f"The folder {folder} exists and has {len(names):,} entries{shown}: check the pattern from there on.",
    )


def _notes(
    name: str, args: Mapping[str, Any], images: Mapping[str, object], rows: Mapping[str, Row]
) -> list[str]:
    """How table and images differ; an error if they have nothing in common."""
    if not args.get("table"):
        return []
    without_row = [id_ for id_ in images if id_ not in rows]
    without_image = [id_ for id_ in rows if id_ not in images]
    if len(without_row) == len(images):
        ids = f"{_some(without_row)} among the images, {_some(without_image)} in the table"
        raise CatalogError(
            f"source {name!r}: no id in {args['case_column']} of {args['table']} is one of an image: {ids}",
            "Check case_column, and where {case} stands in the image pattern.",
        )
    notes = []
    if without_row:
        notes.append(
            f"{name}: {len(without_row):,} images have no row in {args['table']}: {_some(without_row)}"
        )
    if without_image:
        notes.append(
            f"{name}: {len(without_image):,} rows of {args['table']} have no image: {_some(without_image)}"
        )
    return notes


def _some(ids: Sequence[str]) -> str:
    return (", ".join(ids[:3]) or "none") + (" …" if len(ids) > 3 else "")


def _listed(matches: Sequence[Match]) -> str:
    return ", ".join(str(match.path) for match in matches[:4]) + (" …" if len(matches) > 4 else "")
