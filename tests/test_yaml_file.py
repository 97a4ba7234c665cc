from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from radstore.errors import BadInput, CatalogError, SpecError
from radstore.yaml_file import load_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1E3", 1000.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("010", 10),
        ("0x10", 16),
        ("0o10", 8),
        ("+3", 3),
        ("100000_00001", "100000_00001"),
        ("2020-01-01", "2020-01-01"),
        ("12:30", "12:30"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("True", True),
        ("~", None),
        ("", None),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_yaml_1_2(text: str, value: object) -> None:
    document, _ = parse_yaml(f"a: {text}\n" if text != "-" else 'a: "-"', "t")
    assert document == {"a": value}
    assert type(document["a"]) is type(value)


def test_nan() -> None:
    assert math.isnan(parse_yaml("a: .nan", "t")[0]["a"])


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text("ab:#\n0", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_what_pyyaml_writes_is_read_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value), "t")[0] == value


TEXT = """\
# a comment
sources:
  demo:
    args: {cases: 12,
           seed: 0}
    regions:
      pancreas:
        - 1
        - 4
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("sources",), 2),
        (("sources", "demo", "args"), 4),
        (("sources", "demo", "args", "seed"), 5),
        (("sources", "demo", "regions", "pancreas", 1), 9),
        (("sources", "demo", "regions", "pancreas", 7), 7),
        (("sources", "demo", "nothing", "here"), 3),
    ],
)
def test_lines(path: tuple, line: int) -> None:
    assert parse_yaml(TEXT, "t")[1](path) == line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "t.yaml, line 3: the key 'a' stands there twice"),
        ("x: [{a: 1, a: 2}]", "line 1: the key 'a' stands there twice"),
        ("a: [1", "not YAML"),
        ("a:\n\t- b", "line 2: not YAML"),
        ("a: *b", "undefined alias"),
        ("!!python/object:os.system {}", "not YAML"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: \x00", "not YAML"),
        ("? [1]\n: 2", "not YAML"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, "t.yaml", SpecError)
    assert said in str(caught.value)
    assert caught.value.remedy


def test_merge_keys_and_aliases_are_no_duplicates() -> None:
    text = "a: &x {c: 1, d: 2}\nb: {<<: *x, c: 3}\ne: *x"
    assert parse_yaml(text, "t")[0] == {"a": {"c": 1, "d": 2}, "b": {"c": 3, "d": 2}, "e": {"c": 1, "d": 2}}


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(CatalogError, match=r"c\.yaml: No such file"):
        load_yaml(path, CatalogError)
    with pytest.raises(BadInput, match="Is a directory"):
        load_yaml(tmp_path)
    path.write_bytes(b"a: \xff")
    with pytest.raises(BadInput, match="not a text file"):
        load_yaml(path)
    path.write_text("")
    assert load_yaml(path)[0] is None
