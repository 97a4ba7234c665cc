"""From folders to statistics: what is brought together, what is refused, what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.cli import main
from fusion.evaluate import Evaluation, evaluate
from fusion.evaluate.cohort import Options, cohorts
from fusion.evaluate.figures import figure
from fusion.evaluate.tables import p_value, report, table_1
from fusion.predict.origin import Origin
from fusion.predict.predictions import Predictions
from fusion.protocol import BEST, CHAIN, NESTED, PAPER, SELECTION, tell
from radstore.cli import exits
from radstore.errors import BadInput, CatalogError
from radstore.split import split

BOX = (slice(2, 5), slice(3, 6), slice(4, 7))
ELSEWHERE = (slice(7, 9), slice(8, 10), slice(1, 4))
Folders = dict[str, list[Path]]


@pytest.fixture
def folders(site: Any) -> Folders:
    """Two rows, two folds and an external source; ``ct`` finds b's lesion after a false candidate."""
    return {row: [*inner(site, row, sure), outer(site, row)] for row, sure in (("ct+maps", 0.9), ("ct", 0.2))}


def inner(site: Any, row: str, sure: float) -> list[Path]:
    return [
        site.predict(f"{row}-0", {"a1": [(BOX, 0.5)], "a2": [(ELSEWHERE, 0.1)]}, row),
        site.predict(f"{row}-1", {"b": [(ELSEWHERE, 0.3), (BOX, sure)], "c": [], "d": []}, row, fold=1),
    ]


def outer(site: Any, row: str) -> Path:
    return site.predict(f"{row}-x", {"x": [(BOX, 0.3)], "y": []}, row, "outer", None)  # type: ignore[no-any-return]


def run(site: Any, folders: Any, **options: Any) -> Evaluation:
    return evaluate(folders, site.catalog, resamples=50, jobs=1, **options)


def test_everything(site: Any, folders: Folders) -> None:
    found = run(site, folders, by=["age"])
    internal, external = found.cohorts
    assert (internal.name, internal.external, external.name) == ("cross-validation", False, "outer")
    assert list(internal.rows) == ["ct", "ct+maps"]  # the paper's order
    ct, maps = internal.rows.values()
    assert (ct.pooled.scores.cases, ct.pooled.scores.patients, ct.pooled.scores.lesions) == (4, 3, 2)
    assert (ct.pooled.scores.ap, maps.pooled.scores.ap) == (0.5 + 0.5 * 2 / 3, 1.0)
    assert {fold: scores.ap for fold, scores in ct.folds.items()} == {0: 1.0, 1: 0.5}
    assert ct.spread["ap"].mean == 0.75
    assert external.rows["ct"].folds == {}
    assert external.rows["ct"].dice["lesion"].mean == 1.0
    assert list(internal.strata) == ["lesion size", "age", "scanner"]
    assert internal.strata["scanner"]["two"]["ct"].scores.ap == 0.5
    assert [one.metric for one in internal.comparisons] == ["ap", "auroc", "score"]
    assert list(found.left_out) == ["d"]
    assert found.notes == (
        "no external patient is among the 4 that may have been trained on",
        "1 case (d) left out: no labels that can be used",
    )


def test_written(site: Any, folders: Folders, tmp_path: Path) -> None:
    found = run(site, folders)
    path = found.write(tmp_path / "out")
    text = path.read_text()
    assert text == report(found)
    assert "## Table 1: cross-validation" in text
    assert "## Table 2: external test on outer" in text
    assert "| ct+maps | 1.000 ± 0.000 |" in table_1(found.cohorts[0])
    names = {file.name for file in path.parent.iterdir()}
    assert names == {"report.md", "evaluation.json", "curves.cross-validation.png", "curves.outer.png"}
    for name in names:
        assert name.endswith((".md", ".json")) or f"({name})" in text

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    value = json.loads((path.parent / "evaluation.json").read_text(), parse_constant=refuse)
    assert value == found.to_json()
    assert value["results"]["ct"]["a1"]["findings"] == [{"lesion": True, "confidence": 0.5, "overlap": 1.0}]
    assert value["settings"]["primary"] == "ap"


def test_order_of_folders_does_not_matter(site: Any, folders: Folders) -> None:
    again = {row: list(reversed(those)) for row, those in reversed(folders.items())}
    assert run(site, folders).to_json() == run(site, again).to_json()


def test_failed_cases_are_said(site: Any, folders: Folders) -> None:
    (folders["ct"][1] / "b.candidates.nii.gz").unlink()
    found = run(site, folders)
    assert list(found.failed["ct"]) == ["b"]
    assert found.cohorts[0].rows["ct"].status == {"ok": 3, "failed": 1}
    assert "ct: 1 case (b) failed: counted as score 0 without candidates" in found.notes
    assert found.cohorts[0].rows["ct"].pooled.scores.ap == 0.5


def test_external_patients_that_were_trained_on(site: Any, folders: Folders) -> None:
    table = site.folder / "outer.csv"
    table.write_text(table.read_text().replace("x,X", "x,A"))
    with pytest.raises(BadInput, match=r"no external test: 1 of its patients .* A \(inner: a2\)"):
        run(site, folders)
    only = {"ct": outer(site, "ct+global")}
    with pytest.raises(BadInput, match="no external test"):
        run(site, only)
    assert run(site, only, trained_on=[]).notes[0].startswith("no training patient is known")


def test_patients_that_have_a_fold_in_the_store(site: Any) -> None:
    only = {"ct": outer(site, "ct")}
    split(site.folder / "store", catalog=site.catalog, k=2, label="scanner")
    with pytest.raises(BadInput, match=r"2 of its patients .* X \(fold \d of .*store: x\), Y"):
        run(site, only, trained_on=[])


def test_a_held_out_case_that_another_chain_saw(site: Any) -> None:
    folder = site.predict("p", {"b": []}, fold=1, chains=(0, 1))
    with pytest.raises(BadInput, match="case b of fold 1 was predicted by chains 0, 1, which were trained"):
        run(site, {"ct": folder})


def by(*protocol: str, **settings: Any) -> dict[str, Any]:
    """What predicted: a model of fold 0 that says how out of fold it is, or one of before."""
    said = {"protocol": list(protocol)} if protocol else {}
    return {"models": [{"fold": 0, "folder": "m", "digest": "d", **said}], "settings": settings}


@pytest.mark.parametrize(
    ("origin", "protocol"),
    [
        (by(NESTED), (NESTED,)),
        (by(CHAIN, SELECTION), (CHAIN, SELECTION)),
        (by(PAPER, paper_mode=True), (PAPER,)),
        (by(), (CHAIN,)),
        (by(paper_mode=True), (PAPER,)),
        ({"settings": {"paper_mode": True}}, (PAPER,)),
        (by(NESTED, checkpoint="checkpoint_best.pth"), (NESTED, BEST)),
        (by(NESTED, checkpoint="checkpoint_final.pth"), (NESTED,)),
    ],
)
def test_how_out_of_fold_a_row_is(site: Any, origin: dict[str, Any], protocol: tuple[str, ...]) -> None:
    found = run(site, {"ct": site.predict("p", {"b": [], "c": []}, origin=origin)})
    cohort = found.cohorts[0]
    assert cohort.rows["ct"].protocol == protocol
    assert cohort.notes[: len(protocol)] == tuple(f"ct: {tell(word)}" for word in protocol)
    assert found.to_json()["cohorts"][0]["rows"]["ct"]["protocol"] == list(protocol)
    assert f"| {', '.join(protocol)} |" in table_1(cohort)
    assert all(f"- ct: {tell(word)}" in report(found) for word in protocol)


def test_rows_of_other_protocols_are_told_apart(site: Any) -> None:
    origins = {"ct": by(NESTED), "ct+maps": by(NESTED, SELECTION), "ct+global": by(CHAIN)}
    folders = {row: site.predict(row, {"b": [], "c": []}, row, origin=by_) for row, by_ in origins.items()}
    differ = "the rows' protocols differ: what differs between rows may be due to that alone"
    notes = run(site, folders).cohorts[0].notes
    told = {
        f"ct, ct+maps: {tell(NESTED)}",
        f"ct+global: {tell(CHAIN)}",
        f"ct+maps: {tell(SELECTION)}",
        differ,
    }
    assert told == set(notes[:4])
    assert differ not in run(site, {row: folders[row] for row in ("ct", "ct+maps")}).cohorts[0].notes


def test_chains_of_other_protocols_in_one_row(site: Any) -> None:
    folders = [
        site.predict("p", {"b": []}, origin=by(NESTED)),
        site.predict("q", {"c": []}, origin=by(CHAIN)),
    ]
    assert run(site, {"ct": folders}).cohorts[0].rows["ct"].protocol == (CHAIN, NESTED)


def test_external_cases_chose_nothing(site: Any) -> None:
    said = by(CHAIN, SELECTION, checkpoint="checkpoint_best.pth")
    folders = [
        site.predict("p", {"b": [], "c": []}, origin=said),
        site.predict("q", {"x": [], "y": []}, source="outer", fold=None, origin=said),
    ]
    internal, external = run(site, {"ct": folders}).cohorts
    assert internal.rows["ct"].protocol == (CHAIN, SELECTION, BEST)
    assert external.rows["ct"].protocol == (SELECTION,)
    assert external.notes[0] == f"ct: {tell(SELECTION)}"


def test_a_patient_in_two_folds(site: Any) -> None:
    two = [site.predict("p0", {"a1": []}), site.predict("p1", {"a2": []}, fold=1)]
    with pytest.raises(BadInput, match=r"1 patient is in more than one fold: A"):
        run(site, {"ct": two})


def test_rows_that_cannot_be_compared(site: Any, folders: Folders) -> None:
    with pytest.raises(BadInput, match="no predictions to evaluate"):
        run(site, {})
    with pytest.raises(BadInput, match=r"2 cases \(a1, a2\) in .*ct-0 and in"):
        run(site, {"ct": [folders["ct"][0]] * 2})
    fewer = {"ct": folders["ct"], "ct+maps": folders["ct+maps"][:1]}
    with pytest.raises(BadInput, match=r"row 'ct\+maps' has no prediction of 5 cases \(b, c, d …\)"):
        run(site, fewer)
    common = run(site, fewer, common=True)
    assert list(common.results["ct"]) == ["a1", "a2"]
    assert "left out of every row" in common.notes[0]
    with pytest.raises(BadInput, match="no case in common"):
        run(site, {"ct": folders["ct"][:1], "ct+maps": folders["ct+maps"][1:]}, common=True)
    moved = site.predict("moved", {"a1": [], "a2": []}, "ct+maps", fold=1)
    with pytest.raises(BadInput, match="case a1 was held out in fold 0 by row 'ct', in fold 1"):
        run(site, {"ct": folders["ct"][:1], "ct+maps": [moved]})


def test_what_the_catalog_does_not_know(site: Any, folders: Folders) -> None:
    with pytest.raises(CatalogError, match="no source 'elsewhere'"):
        run(site, {"ct": site.predict("p", {"a1": []}, source="elsewhere")})
    with pytest.raises(CatalogError, match="no case 'zz'"):
        run(site, {"ct": site.predict("q", {"zz": []})})
    with pytest.raises(BadInput, match="no case has labels"):
        run(site, {"ct": site.predict("r", {"d": []})})
    Predictions(site.folder / "one", Origin("ct", stage=1))._write()
    with pytest.raises(BadInput, match="predictions of stage 1"):
        run(site, {"ct": site.folder / "one"})
    with pytest.raises(BadInput, match="0 permutations"):
        run(site, folders, permutations=0)
    with pytest.raises(BadInput, match="no row 'ct\\+map'"):
        run(site, folders, against="ct+map")


def test_a_cohort_without_negatives_is_no_crash(site: Any) -> None:
    found = run(
        site, {row: site.predict(row, {"b": [(BOX, sure)]}, row) for row, sure in (("ct", 0.5), ("x", 0.6))}
    )
    cohort = found.cohorts[0]
    assert np.isnan(cohort.rows["ct"].pooled.scores.auroc)
    assert cohort.notes[1:] == (
        "no negative case: AUROC is not defined",
        "fold 0: no negative case: AUROC is not defined",
    )
    assert "| ct | 1.000 | – | – | 1.000 (1.000 to 1.000) | – | – |" in report(found)


def test_figure_has_a_line_and_a_band_a_row(draw_cohort: Callable) -> None:
    rows = {name: {r.case: r for r in draw_cohort(at, 24)} for at, name in enumerate(("ct", "ct+maps"))}
    drawn = figure(cohorts(rows, {}, Options(resamples=20, permutations=10))[0])
    for panel in drawn.axes:
        labels = [text.get_text() for text in panel.get_legend().get_texts()]
        assert [label.split()[0] for label in labels] == ["ct", "ct+maps"]
        assert len(panel.collections) == 2


def test_small_p() -> None:
    assert [p_value(p) for p in (0.0004, 0.0312, float("nan"))] == ["< 0.001", "0.031", "–"]


def test_command_line(site: Any, folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(folder) for row in folders.values() for folder in row]
    where = ["--catalog", str(site.catalog), "--out", str(site.folder / "out"), "--jobs", "1"]
    assert main(["evaluate", *names, *where, "--resamples", "20"]) == exits.OK
    said = capsys.readouterr()
    assert "cross-validation: 4 cases, 2 with a lesion" in said.out
    assert "note: 1 case (d) left out" in said.err
    assert (site.folder / "out" / "report.md").exists()
    renamed = [f"mine={folders['ct'][1]}", str(folders["ct+maps"][1])]
    (folders["ct"][1] / "b.candidates.nii.gz").unlink()
    assert main(["evaluate", *renamed, *where, "--resamples", "20", "--json"]) == exits.SOME_FAILED
    assert list(json.loads(capsys.readouterr().out)["results"]) == ["ct+maps", "mine"]
    assert main(["evaluate", str(site.folder), *where]) == exits.BAD_INPUT
