from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radstore.catalog import Case
from radstore.quality import examine
from radstore.quality.flags import CONSTANT, DUPLICATE, MASK_ALONE, ONE_LEVEL
from radstore.quality.levels import effective, probed
from radstore.spec import Spec

FEATURES = [
    "original_firstorder_Mean",
    "original_glcm_Contrast",
    "lbp-2D_glrlm_LongRunEmphasis",
    "lbp-2D_glcm_JointEnergy",
    "original_shape_Sphericity",
]


def spec(features: list[str] = FEATURES, **settings: Any) -> Spec:
    return Spec.from_dict({"features": features, "setting": {"binWidth": 20}, **settings})


def looked(cases: list[Case], which: Spec, **keywords: Any) -> Any:
    keywords = {"engine": "cpu", "jobs": 1, **keywords}
    return examine(cases, which, "ball", **keywords)


def kinds(found: Any) -> dict[str, set[str]]:
    return {f.feature: {g.kind for g in found.flags if g.feature == f.feature} for f in found.flags}


def test_lbp_in_wide_bins_is_flagged(tissue: list[Case]) -> None:
    found = looked(tissue, spec())
    assert kinds(found) == {
        FEATURES[2]: {ONE_LEVEL, MASK_ALONE},  # varies with the mask
        FEATURES[3]: {ONE_LEVEL, MASK_ALONE, CONSTANT},  # always 1
    }
    assert set(found.meaningless) == {FEATURES[2], FEATURES[3]}
    assert (len(found.cases), found.failed, found.features) == (6, {}, len(FEATURES))


def test_and_in_narrow_ones_it_is_not(tissue: list[Case]) -> None:
    assert looked(tissue, spec(imageType={"LBP2D": {"binWidth": 1}})).flags == ()


def test_both_engines_say_the_same(tissue: list[Case]) -> None:
    assert kinds(looked(tissue[:4], spec(), engine="pyradiomics", quick=True)) == kinds(
        looked(tissue[:4], spec(), quick=True)
    )


def test_a_sum_average_repeats_the_joint_average(tissue: list[Case]) -> None:
    found = looked(tissue, spec(["original_glcm_JointAverage", "original_glcm_SumAverage"]), quick=True)
    assert kinds(found) == {"original_glcm_SumAverage": {DUPLICATE}}


def test_first_order_is_no_function_of_the_mask(tissue: list[Case]) -> None:
    """Not even what shuffled or stretched values would leave as it is."""
    every = Spec.from_dict({"featureClass": {"firstorder": []}, "setting": {"binWidth": 5}})
    assert MASK_ALONE not in {flag.kind for flag in looked(tissue, every, quick=True).flags}


def test_the_same_for_any_number_of_processes_and_order(tissue: list[Case]) -> None:
    one, two = looked(tissue, spec(), count=3), looked(tissue[::-1], spec(), count=3, jobs=2)
    assert one == two


def test_a_case_that_cannot_be_read_is_told(tissue: list[Case], tmp_path: Path) -> None:
    broken = replace(tissue[0], id="broken", image=tmp_path / "none.nii.gz")
    found = looked([broken, *tissue[1:3]], spec())
    assert found.failed["broken"]["step"] == "read"
    assert len(found.cases) == 2
    assert "duplicates were not looked for" in found.notes[0]
    nothing = looked([broken], spec())
    assert (nothing.cases, nothing.flags) == ((), ())
    assert "no case could be read" in nothing.notes[0]


def test_one_case_shows_grey_levels_but_no_constants(tissue: list[Case]) -> None:
    found = looked(tissue[:1], spec())
    assert kinds(found)[FEATURES[3]] == {ONE_LEVEL, MASK_ALONE}
    assert any("constants were not" in note for note in found.notes)


def test_progress(tissue: list[Case]) -> None:
    told: list[tuple[int, int]] = []
    looked(tissue, spec(), count=2, quick=True, progress=lambda *of: told.append(of))
    assert told == [(1, 2), (2, 2)]


def test_probes_share_their_features_discretisation() -> None:
    graph, probes = probed(spec([*FEATURES, "original_firstorder_Uniformity"]))
    assert probes == {
        "original_glcm_Contrast": "original_firstorder_Uniformity",
        "lbp-2D_glrlm_LongRunEmphasis": "lbp-2D_firstorder_Uniformity",
        "lbp-2D_glcm_JointEnergy": "lbp-2D_firstorder_Uniformity",
        "original_firstorder_Uniformity": "original_firstorder_Uniformity",
    }
    assert len(graph.features) == len(FEATURES) + 2
    nodes = {f.name: f.node.inputs[0].inputs[0] for f in graph}
    assert nodes["lbp-2D_firstorder_Uniformity"] == nodes["lbp-2D_glcm_JointEnergy"]
    assert nodes["lbp-2D_glcm_JointEnergy"].op == "discretise"


def test_effective_levels() -> None:
    found = effective(np.array([1.0, 0.5, 0.25, np.nan, 0.0]))
    np.testing.assert_array_equal(found, [1, 2, 4, np.nan, np.nan])


@pytest.mark.parametrize("name", ["selected.yaml", "pipelines/published.yaml"])
def test_the_shipped_lists(name: str, tmp_path: Path) -> None:
    """On the demo cohort, which is what both are shown with."""
    from radstore.catalog import load_catalog
    from radstore.spec import load_spec

    root = Path(__file__).parents[2]
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text("store: ./store\nsources: {demo: {driver: phantom, args: {cases: 6, seed: 0}}}\n")
    found = examine(load_catalog(catalog).cases(), load_spec(root / name), "pancreas", engine="cpu", jobs=1)
    lbp = {f"lbp-2D_glrlm_{run}RunEmphasis" for run in ("Long", "Short")}
    assert set(found.meaningless) == (lbp if "published" in name else set())
    assert {flag.feature for flag in found.flags} == set(found.meaningless)
