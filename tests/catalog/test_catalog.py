from __future__ import annotations

from collections.abc import Callable

import pytest

from radstore.catalog import Catalog
from radstore.errors import CatalogError

Load = Callable[[str], Catalog]
Touch = Callable[[list[str]], None]

TWO = """
sources:
  second: {driver: files, args: {image: "b/{case}.nii"}, regions: {}}
  first: {driver: files, args: {image: "a/{case}.nii"}}
"""


@pytest.fixture
def two(catalog: Load, touch: Touch) -> Catalog:
    touch(["a/1.nii", "a/10.nii", "a/2.nii", "b/2.nii", "b/3.nii"])
    return catalog(TWO)


def test_order_is_sources_then_ids(two: Catalog) -> None:
    assert [(case.source, case.id) for case in two.cases()] == [
        ("second", "2"),
        ("second", "3"),
        ("first", "1"),
        ("first", "10"),
        ("first", "2"),
    ]


def test_an_id_in_two_sources(two: Catalog) -> None:
    refused = [case for case in two.cases() if case.problem is not None]
    assert [(case.source, case.id) for case in refused] == [("second", "2"), ("first", "2")]
    for case in refused:
        said = str(case.problem)
        assert "the case id '2' comes 2 times" in said
        assert "a/2.nii (source first)" in said
        assert "b/2.nii (source second)" in said
    assert all(case.problem is None for case in two.cases("first"))


def test_selection(two: Catalog) -> None:
    assert [case.id for case in two.cases("first", ["2", "1"])] == ["1", "2"]
    assert [case.id for case in two.cases(limit=3)] == ["2", "3", "1"]
    assert [case.source for case in two.cases(ids=["2"])] == ["second", "first"]
    assert two.cases(ids=[]) == []


def test_unknown_source_and_ids(two: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"no source 'frist'\n.*Did you mean 'first'\? .*second, first"):
        two.cases("frist")
    with pytest.raises(CatalogError, match=r"no source 'x'"):
        two.notes("x")
    with pytest.raises(
        CatalogError, match=r"no case '100', 'x'\n.*Did you mean 10\? There are 5 cases: 2, 3, 1"
    ):
        two.cases(ids=["100", "1", "x"])
    with pytest.raises(CatalogError, match="a limit of 0"):
        two.cases(limit=0)


def test_only_the_source_asked_for_is_searched(catalog: Load, touch: Touch) -> None:
    touch(["a/1.nii"])
    loaded = catalog(TWO)
    assert len(loaded.cases("first")) == 1
    with pytest.raises(CatalogError, match="source 'second': no file matches"):
        loaded.cases()


def test_the_demo_source(catalog: Load) -> None:
    loaded = catalog("sources: {demo: {driver: phantom, args: {cases: 1, seed: 3}, regions: {lesion: [1]}}}")
    (case,) = loaded.cases()
    assert case.image.is_file()
    assert case.region("lesion").values == (1,)
    assert case.label_path(case.region("lesion")).is_file()
