"""The section where there is little to report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines import report
from radstore.cli import exits
from radstore.errors import BadInput

HALF = {
    "auroc": 0.5,
    "auroc_sd": 0.0,
    "ap": 0.4,
    "ap_sd": 0.0,
    "folds": {"auroc": [0.5] * 3, "ap": [0.4] * 3},
}
PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\n"
    b"IDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)


def selection(**more: Any) -> dict[str, Any]:
    """As `radstore select` writes it where nothing passed the filter."""
    counts = {"cases": 20, "positives": 10, "patients": 18, "offered": 5, "version": 2}
    words = {"positive": "yes", "view": "tiny@<pancreas>", "features": {}, "notes": ["nothing | passed"]}
    scores = {"nested": HALF, "chosen_outside": HALF, "same_data": HALF}
    return {**counts, **words, "stability": {"value": None}, "scores": scores, **more}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    told = {"features": 5, "cases": ["a"], "flags": [{"kind": "constant"}, {"kind": "constant"}]}
    files = {
        "catalog": {"cases": 21, "refused": {"x": "why"}},
        "check": {"examined": told},
        "selected": selection(),
        "selected.fold0": selection(scores={"held_out": {**HALF, "auroc": 0.7}}),
        "selected.fold1": selection(scores={}),  # one class only: not scored
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "selected.png").write_bytes(PIXEL)
    return tmp_path


def test_nothing_selected_is_told_as_that(out: Path, capsys: Any) -> None:
    assert report.main([str(out)]) == exits.OK
    text, page = (out / "report.md").read_text(), (out / "report.html").read_text()
    assert "nothing passed the filter" in text
    assert "(Nogueira): –." in text
    assert "constant: 2" in text
    assert "21 in the catalog, 1 of them refused" in text
    assert "on the 2 folds held out | 0.700 | 0.400 |" in text  # of one fold: no spread
    assert "null" not in text
    assert "tiny@&lt;pancreas&gt;" in page
    assert (out / "scores.png").stat().st_size > 5000


def test_a_null_is_told(out: Path) -> None:
    null = {"permutations": 100, "central_95": [0.4, 0.6], "inside": True, "p": 0.5}
    scores = {**selection()["scores"], "null": null}
    (out / "selected.json").write_text(json.dumps(selection(scores=scores)))
    report.write(out)
    assert (
        "central 95 % 0.400 to 0.600; the observed one is inside, p = 0.5." in (out / "report.md").read_text()
    )


@pytest.mark.parametrize("missing", ["catalog.json", "selected.json", "selected.fold*.json"])
def test_a_step_that_was_not_run_is_named(out: Path, missing: str, capsys: Any) -> None:
    for path in out.glob(missing):
        path.unlink()
    with pytest.raises(BadInput, match=r"missing|has no"):
        report.write(out)
    assert report.main([str(out)]) == exits.BAD_INPUT
    assert "first" in capsys.readouterr().err
