"""A first catalog.yaml for a folder of CTs and masks: what ``radstore init`` writes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from radstore.catalog import files
from radstore.catalog.layouts import Layout, infer_layout
from radstore.catalog.tables import SUFFIXES as TABLES
from radstore.catalog.tables import read_table
from radstore.errors import CatalogError, ReadError
from radstore.images.dicom import has_mark
from radstore.images.read import SUFFIXES as IMAGES
from radstore.images.read import read_labels

_SAMPLE = 5  # label files that are opened to see which values there are
_DEPTH = 6  # folders below the one that is looked at


def guess_catalog(folder: str | Path, catalog_folder: str | Path | None = None) -> str:
    """Look at a folder of images and masks and write a catalog for it.

    Parameters
    ----------
    folder
        Where to look, with its subfolders.
    catalog_folder
        Where the catalog will be saved: paths below it are written with ``{{ CATALOG_DIR }}``, others in
        full.

    Returns
    -------
    str
        The text of a catalog.yaml, with comments that say what was seen.

    Raises
    ------
    CatalogError
        If there is no image with a mask, with what was looked for and what is there.
    """
    folder = Path(folder).expanduser().absolute()
    if not folder.is_dir():
        raise CatalogError(f"{folder} is no folder", "Name the folder that holds the images and masks.")
    seen = _look(folder)
    layout = infer_layout(seen.images, seen.series)
    if layout is None or not layout.cases:
        raise _nothing(folder, seen)
    base = _base(folder, catalog_folder)
    lines = [
        f"# Written by looking at {folder}. Look it over, name its regions, then:",
        "# radstore check --features FILE",
        "store: ./store",
        "sources:",
        f"  {_name(folder)}:",
        "    driver: files",
        "    args:",
        *_args(layout, folder, base),
        *_table(seen, layout, folder, base),
        *_regions(layout, folder),
    ]
    return "\n".join(lines) + "\n"


@dataclass
class _Seen:
    images: list[Path] = field(default_factory=list)
    series: list[Path] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    others: int = 0


def _look(folder: Path) -> _Seen:
    """What lies in and below a folder, relative to it."""
    seen = _Seen()
    for here, folders, names in os.walk(folder):
        at = Path(here).relative_to(folder)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and len(at.parts) < _DEPTH)
        slices = 0
        for name in sorted(name for name in names if not name.startswith(".")):
            if name.lower().endswith(IMAGES):
                seen.images.append(at / name)
            elif name.lower().endswith(TABLES):
                seen.tables.append(at / name)
            elif name.lower().endswith(".dcm") or "." not in name or _is_dicom_uid(name):
                slices += 1
            else:
                seen.others += 1
        if slices and at.parts and _has_dicom(Path(here)):
            seen.series.append(at)
    return seen


def _is_dicom_uid(name: str) -> bool:
    return re.fullmatch(r"[0-9.]+", name) is not None


def _has_dicom(folder: Path) -> bool:
    return any(has_mark(file) for file in sorted(folder.iterdir())[:3])


def _nothing(folder: Path, seen: _Seen) -> CatalogError:
    found = [
        f"{len(seen.images):,} image files",
        f"{len(seen.series):,} DICOM folders",
        f"{len(seen.tables):,} tables",
        f"{seen.others:,} other files",
    ]
    some = [path.as_posix() for path in [*seen.images, *seen.series][:3]]
    such = f" (such as {', '.join(some)})" if some else ""
    return CatalogError(
        f"no image with its mask was recognised below {folder}: it has {', '.join(found)}{such}",
        "Looked for images/ and labels/ with the same names, imagesTr/ and labelsTr/, {case}/ct and "
        "{case}/mask, {case}_image beside {case}_label, DICOM folders with masks. If it is none of these, "
        "write the patterns under `image` and `labels` by hand.",
    )


def _base(folder: Path, catalog_folder: str | Path | None) -> str:
    if catalog_folder is not None:
        home = Path(catalog_folder).expanduser().absolute()
        if folder.is_relative_to(home):
            below = folder.relative_to(home).as_posix()
            return "{{ CATALOG_DIR }}" + (f"/{below}" if below != "." else "")
    return folder.as_posix()


def _name(folder: Path) -> str:
    """The folder's name as a plain YAML key."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", folder.name).strip("_").lower() or "cases"


def _label_names(layout: Layout) -> list[str]:
    """What each label image is called: what its file name says beside the id."""
    if len(layout.labels) == 1:
        return [files.LABELS]
    names: list[str] = []
    for template in layout.labels:
        *above, last = template.text.split("/")
        stem = re.sub(r"(\.seg)?\.(nii\.gz|[a-z]+)$", "", last).replace("{case}", "")
        name = re.sub(r"[^A-Za-z0-9]+", "_", stem or "_".join(above[-1:])).strip("_") or files.LABELS
        names.append(name if name not in names else f"{name}_{len(names) + 1}")
    return names


def _args(layout: Layout, folder: Path, base: str) -> Iterator[str]:
    whole, images = len(layout.cases), len(layout.image.matches)
    left = f"; {images - whole:,} images have no mask of their own" if images > whole else ""
    yield f"      # {whole:,} cases with one image and its masks{left}"
    yield f"      image: {json.dumps(f'{base}/{layout.image.text}', ensure_ascii=False)}"
    texts = [json.dumps(f"{base}/{template.text}", ensure_ascii=False) for template in layout.labels]
    if len(texts) == 1:
        yield f"      labels: {texts[0]}"
    else:
        yield "      labels:"
        for name, text in zip(_label_names(layout), texts, strict=True):
            yield f"        {name}: {text}"


def _table(seen: _Seen, layout: Layout, folder: Path, base: str) -> Iterator[str]:
    """The table and column with the most ids of the cases."""
    best: tuple[int, Path, str, tuple[str, ...]] | None = None
    for path in seen.tables:
        try:
            table = read_table(folder / path)
        except CatalogError as e:
            yield f"      # not used: {' '.join(e.message.split())}"
            continue
        for i, column in enumerate(table.header):
            hits = len(set(layout.cases) & {cells[i] for _, cells in table.rows})
            if hits > (best[0] if best else 0):
                best = hits, path, column, table.header
    if best is None:
        return
    hits, path, column, header = best
    yield f"      # {hits:,} of the {len(layout.cases):,} cases stand in it"
    yield f"      table: {json.dumps(f'{base}/{path.as_posix()}', ensure_ascii=False)}"
    yield f"      case_column: {json.dumps(column, ensure_ascii=False)}"
    patients = [
        name for name in header if re.search("patient|subject", name, re.IGNORECASE) and name != column
    ]
    ids = [name for name in patients if re.search("id|name|number|no$", name, re.IGNORECASE)]
    if patients:
        yield f"      patient_column: {json.dumps((ids or patients)[0], ensure_ascii=False)}"


def _regions(layout: Layout, folder: Path) -> Iterator[str]:
    """One region a label image, of all its values: the user knows their names."""
    yield "    # Name regions as you like; label-N is there without being named."
    yield "    regions:"
    names = _label_names(layout)
    sample = layout.cases[:: -(-len(layout.cases) // max(1, _SAMPLE // len(names)))]
    for name, template in zip(names, layout.labels, strict=True):
        values, unread = _values([folder / template.matches[id_][0] for id_ in sample])
        yield from (f"      # {said}" for said in unread)
        yield f"      # values in {len(sample)} of the {name}: {', '.join(map(str, values)) or 'only 0'}"
        if len(names) == 1:
            yield f"      roi: {values}" if values else "      # roi: [1]"
        else:
            yield f"      {'' if values else '# '}{name}: {{labels: {name}, values: {values or [1]}}}"


def _values(paths: Sequence[Path]) -> tuple[list[int], list[str]]:
    """The label values in some files, without 0, and what could not be read."""
    values: set[int] = set()
    unread = []
    for path in paths:
        try:
            values.update(np.unique(read_labels(path).array).tolist())
        except ReadError as e:
            unread.append(" ".join(e.message.split()))
    return sorted(values - {0}), unread
