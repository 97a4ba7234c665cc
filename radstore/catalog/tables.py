"""Tables (CSV, TSV, XLSX) that say more of cases: a row each; ids as text, the rest as what it looks like."""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from radstore.catalog.model import Scalar
from radstore.errors import CatalogError
from radstore.suggest import missing_path, suggest

SUFFIXES = (".csv", ".tsv", ".xlsx")

_BLANK = frozenset({"", "na", "n/a", "#n/a", "nan", "null"})
_INT = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_AGE = re.compile(r"([0-9]{2,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_BOOL = {"true": True, "false": False}


@dataclass(frozen=True)
class Table:
    """A table as text.

    Parameters
    ----------
    path
        The file.
    header
        Column names.
    rows
        Line number (as the file or sheet counts) and cells, as many as the header has.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, name: str) -> int:
        """Where a column is; `CatalogError` with the near miss if there is none."""
        if name not in self.header:
            raise CatalogError(
                f"{self.path} has no column {name!r}", suggest(name, self.header, "Its columns are")
            )
        return self.header.index(name)


@dataclass(frozen=True)
class Row:
    """What the table says of one case; `patient` is None without a patient column."""

    patient: str | None
    columns: dict[str, Scalar]


def read_table(path: Path, sheet: str | None = None) -> Table:
    """Read a table.

    Parameters
    ----------
    path
        A file with one of `SUFFIXES`; a CSV may be separated by commas, semicolons or tabs.
    sheet
        Which sheet of an XLSX file; None for the first.

    Raises
    ------
    CatalogError
        If it is missing, cannot be read, or its header is not one.
    """
    if not path.is_file():
        raise CatalogError(*missing_path(path)) if not path.exists() else _unreadable(path, "it is a folder")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CatalogError(f"{path} is no table that is read here", f"Save it as {', '.join(SUFFIXES)}.")
    if sheet is not None and suffix != ".xlsx":
        raise CatalogError(f"{path} has no sheets, but sheet: {sheet!r} is given", "Leave sheet out.")
    return _table(path, _xlsx(path, sheet) if suffix == ".xlsx" else _csv(path))


def rows_by_case(table: Table, case_column: str, patient_column: str | None) -> dict[str, Row]:
    """Case id → row; lines without an id are left out.

    Raises
    ------
    CatalogError
        If a column is not there, or an id has two rows.
    """
    at = table.column(case_column)
    patient_at = table.column(patient_column) if patient_column is not None else None
    rows = [(line, cells) for line, cells in table.rows if cells[at]]
    lines: dict[str, list[int]] = {}
    for line, cells in rows:
        lines.setdefault(cells[at], []).append(line)
    twice = [f"{id_!r} (lines {', '.join(map(str, at))})" for id_, at in lines.items() if len(at) > 1]
    if twice:
        more = f" and {len(twice) - 5} more" if len(twice) > 5 else ""
        raise CatalogError(
            f"{table.path}: {case_column} has ids that stand in several rows: {', '.join(twice[:5])}{more}",
            "Keep one row a case; several studies of a patient need an id each.",
        )
    others = [i for i in range(len(table.header)) if i not in (at, patient_at)]
    values = {table.header[i]: infer([cells[i] for _, cells in rows]) for i in others}
    return {
        cells[at]: Row(
            patient=(cells[patient_at] or None) if patient_at is not None else None,
            columns={name: column[i] for name, column in values.items()},
        )
        for i, (_, cells) in enumerate(rows)
    }


def infer(cells: Sequence[str]) -> list[Scalar]:
    """A column's cells as what all of them look like: ages (in years), int, float, bool, or text.

    Ages are DICOM's: ``042Y``, ``018M``, ``003W``, ``010D``. Numbers with leading zeros stay text. Blank
    cells (also NA, NaN, null) become None.
    """
    filled = [cell for cell in cells if cell.casefold() not in _BLANK]
    kind: Any = str
    for pattern, convert in ((_INT, int), (_FLOAT, float), (_AGE, _age)):
        if filled and all(pattern.fullmatch(cell) for cell in filled):
            kind = convert
            break
    if kind is float and any(re.match(r"[+-]?0[0-9]", cell) for cell in filled):
        kind = str
    if filled and all(cell.casefold() in _BOOL for cell in filled):
        kind = _bool
    return [None if cell.casefold() in _BLANK else kind(cell) for cell in cells]


def _age(cell: str) -> float:
    number, unit = cell[:-1], cell[-1]
    return int(number) * _YEARS[unit]


def _bool(cell: str) -> bool:
    return _BOOL[cell.casefold()]


def _table(path: Path, lines: Iterable[tuple[int, list[str]]]) -> Table:
    filled = [(line, cells) for line, cells in lines if any(cells)]
    if not filled:
        raise CatalogError(f"{path} is empty", "Its first line must name the columns.")
    width = max(i + 1 for _, cells in filled for i, cell in enumerate(cells) if cell)
    (_, header), *rows = [(line, (cells + [""] * width)[:width]) for line, cells in filled]
    for name, times in Counter(header).items():
        if not name:
            raise CatalogError(f"{path}: column {header.index('') + 1} has no name", "Name it, or clear it.")
        if times > 1:
            raise CatalogError(f"{path} has {times} columns called {name!r}", "Give each a name of its own.")
    return Table(path, tuple(header), tuple((line, tuple(cells)) for line, cells in rows))


def _csv(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separators = "\t" if path.suffix.lower() == ".tsv" else ",;\t"
            reader = csv.reader(file, delimiter=max(separators, key=first.count), strict=True)
            return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except UnicodeDecodeError as e:
        raise _unreadable(path, f"byte {e.start} is not UTF-8", "Save it as CSV UTF-8.") from e
    except (OSError, csv.Error) as e:
        raise _unreadable(path, str(e)) from e


def _xlsx(path: Path, sheet: str | None) -> list[tuple[int, list[str]]]:
    import openpyxl  # only where there is such a table
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validation rules, which hold no data
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            if sheet is not None and sheet not in book.sheetnames:
                remedy = suggest(sheet, book.sheetnames, "Its sheets are")
                raise CatalogError(f"{path} has no sheet {sheet!r}", remedy)
            rows = book[sheet or book.sheetnames[0]].iter_rows()
            lines = [(i, [_text(cell) for cell in row]) for i, row in enumerate(rows, 1)]
            book.close()
            return lines
    except CatalogError:
        raise
    except (OSError, InvalidFileException, ValueError, KeyError, BadZipFile) as e:
        raise _unreadable(path, str(e), "Open it in a spreadsheet program and save it again.") from e


def _text(cell: Any) -> str:
    """An XLSX cell as it is shown."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    zeros = cell.number_format if re.fullmatch("0+", cell.number_format or "") else ""
    return str(value).strip().zfill(len(zeros)) if isinstance(value, int) else str(value).strip()


def _unreadable(path: Path, why: str, remedy: str = "Check the file.") -> CatalogError:
    return CatalogError(f"{path} cannot be read as a table: {why}", remedy)
