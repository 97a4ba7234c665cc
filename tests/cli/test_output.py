from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.cli import output

TEXT = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="\\"), min_size=1)


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No console that another test made."""
    output.stdout.cache_clear()
    output.stderr.cache_clear()


def test_a_table(capsys: Any) -> None:
    output.show_table(("name", "cases", "note"), [("a[b]", 3, ""), ("longer", 12, "[red]x[/red] ")])
    assert capsys.readouterr().out == (
        "name    cases  note\n"
        "a[b]        3\n"
        "longer     12  [red]x[/red]\n"
    )  # fmt: skip


def test_tables_without_headings_or_rows(capsys: Any) -> None:
    output.show_table(("", ""), [("a", "b")])
    assert capsys.readouterr().out == "a  b\n"
    output.show_table(("name", "cases"), [])
    assert capsys.readouterr().out == "name  cases\n"


@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_nothing_is_cut_and_no_line_ends_with_a_blank(rows: list[tuple[str, str]]) -> None:
    """Whatever is in the cells, and however long: a file has no edge."""
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("typer.echo", lines.append)
        output.show_table(("first", "x" * 300), rows)
    assert len(lines) == 1 + len(rows)
    for line, row in zip(lines[1:], rows, strict=True):
        assert line == line.rstrip()
        assert all(cell in line for cell in row)


def test_a_terminal_folds_the_last_column_only(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    name = "wavelet-LLH_glszm_SizeZoneNonUniformityNormalized"
    output.show_table(("feature", "what"), [(name, "one two three four five six seven")])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(f"{name}  one two")
    assert lines[2].startswith(" " * len(name))


def test_lines_and_notes_are_literal(capsys: Any) -> None:
    output.say("[bold]x[/bold] " + "y" * 500)
    output.note("case [1] failed :smile:")
    said = capsys.readouterr()
    assert said.out == "[bold]x[/bold] " + "y" * 500 + "\n"
    assert said.err == "case [1] failed :smile:\n"


@dataclass
class Thing:
    path: Path
    values: tuple[float, ...]


def test_json_has_no_nan(capsys: Any) -> None:
    output.show_json({"x": math.nan, "y": [math.inf, -math.inf, 1.5], 3: Thing(Path("/a"), (0.1, math.nan))})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "x": None,
        "y": [None, None, 1.5],
        "3": {"path": "/a", "values": [0.1, None]},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=JSON)
def test_plain_json_stays_as_it_is(value: Any) -> None:
    assert output.plain(value) == value


def test_counts() -> None:
    assert output.many(1, "case") == "1 case"
    assert output.many(0, "case") == "0 cases"
    assert output.many(2238, "case") == "2,238 cases"
    assert output.many(2, "entry") == "2 entries"


def test_places(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert output.place(f"{tmp_path}/a/store") == "./a/store"
    assert output.place(f"{tmp_path}-2/store") == f"{tmp_path}-2/store"
    assert output.place("s3://bucket/prefix") == "s3://bucket/prefix"


def test_failures() -> None:
    failed = {
        f"case{number:02}": {"step": "read", "message": "broken", "remedy": "Mend it.\n  File trace …"}
        for number in reversed(range(25))
    }
    lines = list(output.failures(failed, limit=20))
    assert lines[0] == "failed   case00 (read): broken\n         → Mend it."
    assert len(lines) == 21
    assert lines[-1] == "… and 5 more failures; `radstore status` lists them all"
    whole = list(output.failures(failed))
    assert len(whole) == 25
    assert "trace" in whole[0]
