from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radstore.split.strata import Member, strata

members = st.lists(
    st.builds(
        Member,
        case=st.just("c"),
        patient=st.text("abcdefghij", min_size=1, max_size=2),
        label=st.sampled_from(["0", "1", None]),
        voxels=st.integers(0, 9000),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize(("voxels", "bin_"), [(0, 0), (1, 1), (500, 1), (501, 2), (1000, 2), (1001, 3)])
def test_bins_of_500_voxels(voxels: int, bin_: int) -> None:
    assert Member("c", "p", "1", voxels).bin == bin_


@given(members, st.integers(2, 5))
def test_every_stratum_has_k_patients_or_is_all_of_its_label(rows: list[Member], k: int) -> None:
    found, labels = defaultdict(list), defaultdict(set)
    for member, name in zip(rows, strata(rows, k), strict=True):
        found[name].append(member)
        labels[member.label].add(name)
    for name, inside in found.items():
        assert len({member.label for member in inside}) == 1
        alone = len(labels[inside[0].label]) == 1
        assert alone or len({member.patient for member in inside}) >= k, name


@given(members)
def test_strata_are_ranges_of_size(rows: list[Member]) -> None:
    spans = defaultdict(list)
    for member, name in zip(rows, strata(rows, 3), strict=True):
        spans[member.label, name].append(member.bin)
    for (label, name), bins in spans.items():
        for (other, another), theirs in spans.items():
            if label == other and name != another:
                assert max(bins) < min(theirs) or max(theirs) < min(bins)


def test_names() -> None:
    rows = [Member(f"c{n}", f"p{n}", "1", 400 * (n + 1)) for n in range(6)]
    rows += [Member(f"d{n}", f"q{n}", "0") for n in range(3)] + [Member("e", "e")]
    assert list(dict.fromkeys(strata(rows, 3))) == [
        "label 1, 1 to 1,500 voxels",
        "label 1, 1,501 to 2,500 voxels",
        "label 0",
        "label none",
    ]
