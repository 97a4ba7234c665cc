from __future__ import annotations

import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.catalog.tables import infer, read_table, rows_by_case
from radstore.errors import CatalogError

PANORAMA = """PANORAMA_patient_id,PANORAMA_study_id,patient_age,patient_sex,scanner,label,level
100000,100000_00001,042Y,F,Siemens,1,
100000,100000_00002,043Y,F,,0,2
100001,100001_00003,018M,M,GE,0,3
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_clinical_table(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "c.csv", PANORAMA))
    rows = rows_by_case(table, "PANORAMA_study_id", "PANORAMA_patient_id")
    assert list(rows) == ["100000_00001", "100000_00002", "100001_00003"]
    assert [row.patient for row in rows.values()] == ["100000", "100000", "100001"]
    assert rows["100000_00001"].columns == {
        "patient_age": 42.0,
        "patient_sex": "F",
        "scanner": "Siemens",
        "label": 1,
        "level": None,
    }
    assert rows["100000_00002"].columns["scanner"] is None
    assert rows["100001_00003"].columns["patient_age"] == 1.5


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["042Y", "018M", "000D", ""], [42.0, 1.5, 0.0, None]),
        (["042Y", "unknown"], ["042Y", "unknown"]),
        (["1", "-2", "0", ""], [1, -2, 0, None]),
        (["1", "2.5", "1e3", "NA"], [1.0, 2.5, 1000.0, None]),
        (["001", "002"], ["001", "002"]),
        (["001.5", "2"], ["001.5", "2"]),
        (["100000_00001"], ["100000_00001"]),
        (["True", "false", "null"], [True, False, None]),
        (["true", "maybe"], ["true", "maybe"]),
        (["", "nan"], [None, None]),
        (["None", "NA"], ["None", None]),
        (["inf", "1"], ["inf", "1"]),
        (["1,5", "2"], ["1,5", "2"]),
    ],
)
def test_infer(cells: list[str], values: list[object]) -> None:
    assert infer(cells) == values
    assert [type(v) for v in infer(cells)] == [type(v) for v in values]


def test_ages_are_in_years() -> None:
    assert infer(["003W", "010D"]) == pytest.approx([21 / 365.25, 10 / 365.25])


@given(st.lists(st.one_of(st.integers(), st.none()), min_size=1))
def test_integers_come_back(values: list[int | None]) -> None:
    assert infer(["" if v is None else str(v) for v in values]) == values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_come_back(values: list[float]) -> None:
    assert infer([repr(v) for v in values]) == values


@pytest.mark.parametrize(
    ("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.tsv", "\t"), ("T.CSV", ",")]
)
def test_separators_quotes_and_byte_order_mark(name: str, separator: str, tmp_path: Path) -> None:
    text = "\ufeffid,note\n00012, a b \n00013,\n".replace(",", separator)
    table = read_table(write(tmp_path / name, text))
    assert table.header == ("id", "note")
    assert table.rows == ((2, ("00012", "a b")), (3, ("00013", "")))
    quoted = read_table(write(tmp_path / "q.csv", 'id,note\n1,"a, b\nc"\n'))
    assert quoted.rows[0][1] == ("1", "a, b\nc")


def workbook(path: Path, rows: list[list[object]], sheet: str = "data") -> Path:
    book = openpyxl.Workbook()
    book.active.title = "notes"
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    book.save(path)
    return path


def test_xlsx(tmp_path: Path) -> None:
    rows = [
        ["id", "patient", "age", "label", "date", "done"],
        ["0001", 100000, "042Y", 1, datetime.datetime(2020, 5, 1), True],
        [2.0, 100001, "043Y", None, datetime.datetime(2020, 5, 2), False],
    ]
    path = workbook(tmp_path / "t.xlsx", rows)
    found = rows_by_case(read_table(path, "data"), "id", "patient")
    assert {id_: row.patient for id_, row in found.items()} == {"0001": "100000", "2": "100001"}
    assert found["0001"].columns == {"age": 42.0, "label": 1, "date": "2020-05-01", "done": True}
    assert found["2"].columns["label"] is None


def test_xlsx_ids_shown_with_leading_zeros(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["id"], [7]])
    book = openpyxl.load_workbook(path)
    book["data"]["A2"].number_format = "00000"
    book.save(path)
    assert read_table(path, "data").rows == ((2, ("00007",)),)


def test_xlsx_sheets(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["id"], ["a"]])
    with pytest.raises(
        CatalogError, match=r"no sheet 'dat'\n.*Did you mean 'data'\? Its sheets are: notes, data"
    ):
        read_table(path, "dat")
    with pytest.raises(CatalogError, match="is empty"):
        read_table(path)  # the first sheet, which is


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", "id,x\na,1\nb,2\na,3\nb,4\nc,5\n"))
    with pytest.raises(CatalogError, match=r"several rows: 'a' \(lines 2, 4\), 'b' \(lines 3, 5\)"):
        rows_by_case(table, "id", None)


def test_missing_column(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", PANORAMA))
    with pytest.raises(
        CatalogError, match=r"no column 'PANORAMA_studyid'\n.*Did you mean 'PANORAMA_study_id'"
    ):
        rows_by_case(table, "PANORAMA_studyid", None)
    with pytest.raises(CatalogError, match="no column 'subject'"):
        rows_by_case(table, "PANORAMA_study_id", "subject")


def test_blank_lines_and_lines_without_id(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", "\nid,x,,\n\na,1,,\n,2,,\nb\n"))
    assert table.header == ("id", "x")
    found = rows_by_case(table, "id", None)
    assert {id_: row.columns["x"] for id_, row in found.items()} == {"a": 1, "b": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("id,x,x\n1,2,3\n", "2 columns called 'x'"),
        ("id,x\n1,2,3\n", "column 3 has no name"),
        ('id,x\n1,"2\n', "cannot be read as a table"),
    ],
)
def test_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=said) as caught:
        read_table(write(tmp_path / "t.csv", text))
    assert "t.csv" in caught.value.message
    assert caught.value.remedy


def test_files_that_are_none(tmp_path: Path) -> None:
    write(tmp_path / "clinical.csv", "id\n1\n")
    with pytest.raises(CatalogError, match=r"(?s)does not exist.*Did you mean 'clinical.csv'"):
        read_table(tmp_path / "clincal.csv")
    with pytest.raises(CatalogError, match="it is a folder"):
        read_table(tmp_path)
    with pytest.raises(CatalogError, match="no table that is read here"):
        read_table(write(tmp_path / "t.xls", "x"))
    with pytest.raises(CatalogError, match="cannot be read as a table"):
        read_table(write(tmp_path / "t.xlsx", "x"))
    with pytest.raises(CatalogError, match="has no sheets"):
        read_table(tmp_path / "clinical.csv", "data")
    (tmp_path / "latin.csv").write_bytes("id,größe\n1,2\n".encode("latin-1"))
    with pytest.raises(CatalogError, match="not UTF-8"):
        read_table(tmp_path / "latin.csv")
