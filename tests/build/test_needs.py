"""What cannot fit is refused before it starts, with both numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radstore.build import needs
from radstore.build.api import prepare
from radstore.build.check import check
from radstore.build.needs import Needs, estimate, gigabytes, workers_that_fit
from radstore.errors import BadInput
from radstore.images.volume import Geometry

GB = 10**9


def of(case_gb: float, free_gb: float) -> Needs:
    return Needs(int(case_gb * GB), 0, int(free_gb * GB), 1)


@pytest.mark.parametrize(
    ("case_gb", "free_gb", "wanted", "workers"),
    [(1, 100, 4, 4), (2, 10, 8, 4), (8, 10, 8, 1), (0, 10, 3, 3)],  # 80 % of what is free may be used
)
def test_as_many_workers_as_fit(case_gb: float, free_gb: float, wanted: int, workers: int) -> None:
    assert workers_that_fit(of(case_gb, free_gb), wanted, given=False) == workers


def test_more_workers_than_fit_are_refused_if_asked_for() -> None:
    with pytest.raises(BadInput, match=r"8 workers need about 16\.0 GB, 8\.0 GB may be used \(80%") as error:
        workers_that_fit(of(2, 10), 8, given=True)
    assert error.value.remedy == "Use --workers 4."
    assert workers_that_fit(of(2, 10), 4, given=True) == 4


def test_a_case_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BadInput, match=r"one case needs about 9\.0 GB, 8\.0 GB may be used") as error:
        workers_that_fit(of(9, 10), 8, given=False)
    assert "more memory" in error.value.remedy


def test_a_build_that_cannot_fit_leaves_no_trace(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    offline.add("a")
    monkeypatch.setattr(needs, "free_memory", lambda: 50_000_000)
    with pytest.raises(BadInput, match=r"one case needs about .*, 40\.0 MB may be used"):
        offline.build(scheduler=None)
    assert not (offline.root / "store").exists()


def test_a_check_says_so_too(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    offline.add("a")
    monkeypatch.setattr(needs, "free_memory", lambda: 50_000_000)
    with pytest.raises(BadInput, match=r"one case needs about .*, 40\.0 MB may be used"):
        check(offline.spec(), catalog=offline.catalog)


def test_the_memory_here_says_nothing_of_another_cluster(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("a")
    monkeypatch.setattr(needs, "free_memory", lambda: 50_000_000)
    assert site.build().tally.cases == 1


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_at_all_are_refused(offline: Any, workers: int) -> None:
    offline.add("a")
    with pytest.raises(BadInput, match=f"{workers} workers"):
        offline.build(scheduler=None, workers=workers)
    assert not (offline.root / "store").exists()


def test_no_more_workers_than_cases_are_asked_for(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One case fits, eight would not; but there is only one."""
    offline.add("a")
    enough = 2 * offline.build(dry_run=True).needs.case_bytes
    monkeypatch.setattr(needs, "free_memory", lambda: enough)
    assert offline.build(scheduler=None, workers=8, dry_run=True).needs.case_bytes > 0


def test_the_estimate_is_of_the_largest_case_and_of_all_that_is_stored(offline: Any) -> None:
    offline.add("a", "b")
    small = estimate(prepare(offline.spec(), catalog=offline.catalog).plan)
    assert small.looked_at == 2
    offline.put(offline.image_path("c"), np.zeros((40, 200, 300), np.int16), Geometry((300, 200, 40)))
    offline.put(offline.labels_path("c"), np.zeros((40, 200, 300), np.uint8), Geometry((300, 200, 40)))
    large = estimate(prepare(offline.spec(), catalog=offline.catalog).plan)
    assert large.case_bytes > small.case_bytes + 40 * 200 * 300 * 2
    assert large.disk_bytes > small.disk_bytes + 40 * 200 * 300 // 2
    without = estimate(prepare(offline.spec({"maps": False}), catalog=offline.catalog).plan)
    assert without.disk_bytes < large.disk_bytes


def test_the_disk_is_extrapolated_from_some_headers(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    offline.add(*"abcdef")
    plan = prepare(offline.spec(), catalog=offline.catalog).plan
    every = estimate(plan)
    monkeypatch.setattr(needs, "HEADERS", 2)
    some = estimate(plan)
    assert (every.looked_at, some.looked_at) == (6, 2)
    assert some.disk_bytes == every.disk_bytes


def test_a_header_that_cannot_be_read_does_not_stop_the_estimate(offline: Any) -> None:
    offline.add("a", "b")
    offline.image_path("a").write_bytes(b"no image")
    assert estimate(prepare(offline.spec(), catalog=offline.catalog).plan).looked_at == 1
    offline.image_path("b").write_bytes(b"no image")
    none = estimate(prepare(offline.spec(), catalog=offline.catalog).plan)
    assert (none.case_bytes, none.disk_bytes, none.looked_at) == (0, 0, 0)


def test_sizes_for_people() -> None:
    assert [gigabytes(n) for n in (0, 1.5e6, 999e6, 2.34e9)] == ["0.0 MB", "1.5 MB", "999.0 MB", "2.3 GB"]


def test_free_memory_is_a_share_of_what_there_is() -> None:
    import psutil

    assert 0 < needs.free_memory() <= psutil.virtual_memory().total
