"""The check before a large build."""

from __future__ import annotations

from typing import Any

import pytest

from radstore.build import Progress, guard
from radstore.errors import BadInput
from radstore.quality import Examination

FLAT = {"features": ["lbp-2D_glcm_JointEnergy", "original_firstorder_Mean", "original_glcm_Contrast"]}
SOUND = {"features": ["original_firstorder_Mean", "original_glcm_Contrast"]}


class Told(Progress):
    def __init__(self) -> None:
        self.found: list[Examination] = []

    def examined(self, found: Examination) -> None:
        self.found.append(found)


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LARGE", 2)


def test_features_that_say_nothing_stop_it_before_anything_is_written(offline: Any) -> None:
    offline.add("a", "b")
    with pytest.raises(
        BadInput, match=r"1 of 3 features say nothing of the images .*one grey level in 2 of 2"
    ):
        offline.build(offline.spec(FLAT), scheduler=None, workers=1)
    assert not (offline.root / "store").exists()


def test_unless_it_is_left_out(site: Any) -> None:
    site.add("a", "b")
    assert not site.build(site.spec(FLAT), check=False).failed


def test_it_tells_what_it_found_and_goes_on(site: Any) -> None:
    site.add("a", "b")
    progress = Told()
    report = site.build(site.spec(SOUND), progress=progress)
    assert report.tally.cases == 2
    assert (len(progress.found), len(progress.found[0].cases)) == (1, 2)


def test_a_few_in_a_long_list_are_told_only(site: Any) -> None:
    site.add("a", "b")
    progress = Told()
    names = [
        f"original_firstorder_{n}" for n in ("Mean", "Median", "Energy", "Entropy", "Variance", "Skewness")
    ]
    names += [f"original_glcm_{n}" for n in ("Contrast", "Correlation", "Idm", "Idn", "Id")]
    site.build(site.spec({"features": [*FLAT["features"][:1], *names]}), progress=progress)
    assert progress.found[0].meaningless == (FLAT["features"][0],)


def test_small_builds_and_dry_runs_are_left_alone(site: Any) -> None:
    site.add("a", "b")
    progress = Told()
    site.build(site.spec(FLAT), progress=progress, dry_run=True)
    site.build(site.spec(FLAT), progress=progress, limit=1)
    assert progress.found == []
