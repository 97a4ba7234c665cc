from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from radstore.catalog import Case, Region
from radstore.errors import RegionError

CASE = Case(
    id="c1",
    patient="p1",
    source="s",
    image=Path("/d/c1.nii.gz"),
    labels=(("organs", Path("/d/organs.nii.gz")), ("lesions", Path("/d/lesions.nii.gz"))),
    regions={"pancreas": (1, 4, 5), "lesion": Region((1,), "lesions")},
    columns={"age": 42.0},
)


@pytest.mark.parametrize(
    ("name", "values", "file"),
    [
        ("pancreas", (1, 4, 5), "organs.nii.gz"),
        ("lesion", (1,), "lesions.nii.gz"),
        ("label-7", (7,), "organs.nii.gz"),
    ],
)
def test_regions(name: str, values: tuple[int, ...], file: str) -> None:
    region = CASE.region(name)
    assert region.values == values
    assert CASE.label_path(region).name == file


@pytest.mark.parametrize("name", ["pancras", "label-0", "label-x", "label-", ""])
def test_unknown_region_lists_the_known(name: str) -> None:
    with pytest.raises(RegionError, match=r"case c1 has no region .*\n.*pancreas, lesion, label-N") as caught:
        CASE.region(name)
    assert caught.value.step == "region"
    if name == "pancras":
        assert "Did you mean 'pancreas'?" in caught.value.remedy


def test_region_without_its_label_image() -> None:
    bare = Case("c2", "p", "s", Path("i"), regions={"a": (1,), "b": Region((1,), "x")})
    for name in ("a", "b", "label-1"):
        with pytest.raises(RegionError, match="case c2 has no label image"):
            bare.region(name)


def test_cases_travel() -> None:
    broken = CASE.refused("two images", "Choose.").refused("no labels", "")
    again = pickle.loads(pickle.dumps(broken))
    assert again == CASE
    assert (again.problem.message, again.problem.remedy, again.problem.step) == (
        "two images",
        "Choose.",
        "find",
    )
    assert len(pickle.dumps(broken)) < 2000
