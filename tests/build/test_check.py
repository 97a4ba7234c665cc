"""What a build would do and refuse, from the headers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radstore.build.check import check
from radstore.errors import BadInput, CatalogError
from radstore.images.volume import Geometry


def checked(site: Any, spec: Any = None, **keywords: Any) -> Any:
    keywords.setdefault("engine", "pyradiomics")  # as `site.build` has it
    keywords.setdefault("sample", 0)
    return check(spec or site.spec(), catalog=site.catalog, **keywords)


def test_all_is_well_and_nothing_is_changed(offline: Any) -> None:
    offline.add("a", "b")
    found = checked(offline)
    assert (found.refused, len(found.prepared.plan.todo)) == ({}, 2)
    assert found.needs.case_bytes > 0
    assert sorted(path.name for path in offline.root.iterdir()) == ["cases"]


def test_of_what_is_built_nothing_is_needed(built: Any) -> None:
    found = checked(built)
    assert (found.refused, found.needs, len(found.prepared.plan.done)) == ({}, None, 2)


def test_what_headers_show(offline: Any) -> None:
    """The same words as a build would use."""
    offline.add("good", "empty", "shifted", "unlabelled")
    offline.image_path("empty").write_bytes(b"")
    shifted = Geometry((12, 11, 10), (0.8, 0.8, 2.0), (-10.0, 20.0, 9.0))
    offline.put(offline.labels_path("shifted"), offline.labels(), shifted)
    offline.labels_path("unlabelled").unlink()
    found = checked(offline)
    assert {case: error["step"] for case, error in found.refused.items()} == {
        "empty": "read",
        "shifted": "region",
        "unlabelled": "find",
    }
    built = offline.build(scheduler=None, workers=1)
    assert built.failed == found.refused
    assert checked(offline).refused == found.refused  # known by now


def test_what_is_moved_onto_the_image_is_no_mismatch(offline: Any) -> None:
    offline.add("a")
    offline.put(
        offline.labels_path("a"), offline.labels()[1:], Geometry((12, 11, 9), (0.8, 0.8, 2.0), (-10, 20, 7))
    )
    assert list(checked(offline).refused) == ["a"]
    assert checked(offline, offline.spec({"setting": {"correctMask": True}})).refused == {}


def test_voxels_are_not_looked_at(offline: Any) -> None:
    offline.add("a")
    offline.put(offline.labels_path("a"), np.zeros_like(offline.labels()))
    found = checked(offline)
    assert (found.refused, found.examined) == ({}, None)


def test_unless_a_sample_is_asked_for(offline: Any) -> None:
    offline.add("a", "b", "empty", "unreadable")
    offline.put(offline.labels_path("empty"), np.zeros_like(offline.labels()))
    offline.image_path("unreadable").write_bytes(b"")
    before = sorted(offline.root.rglob("*"))
    found = checked(offline, sample=4, jobs=1)
    assert list(found.refused) == ["unreadable"]  # and not in the sample
    assert (sorted(found.examined.cases), list(found.examined.failed)) == (["a", "b"], ["empty"])
    assert found.examined.failed["empty"]["step"] == "region"
    assert found.examined.features == 4
    assert sorted(offline.root.rglob("*")) == before


def test_a_sample_of_what_is_built_already(built: Any) -> None:
    assert len(checked(built, sample=1, jobs=1).examined.cases) == 1


def test_fewer_than_no_cases(offline: Any) -> None:
    offline.add("a")
    with pytest.raises(BadInput, match="a sample of -1 cases"):
        checked(offline, sample=-1)


def test_bad_input_is_bad_input(offline: Any) -> None:
    offline.add("a")
    with pytest.raises(CatalogError, match="no region 'spleen'"):
        checked(offline, region="spleen")
