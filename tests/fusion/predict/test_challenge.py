"""The challenge's container interface, on folders of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion.cli import main
from fusion.predict.challenge import DETECTIONS, IMAGES, LIKELIHOOD, serve_challenge
from radstore.errors import BadInput, CaseError
from radstore.images.read import read_image
from radstore.images.write import write_volume


@pytest.fixture
def served(site: Any, find_bright: Callable[[Any], None], tmp_path: Path) -> Any:
    site.train("", 0, stage=1, change=find_bright)
    site.train("ct+maps+global", 0)
    ct = read_image(site.file("a"))
    write_volume(ct, tmp_path / "in" / IMAGES / "1.2.840.mha")
    (tmp_path / "in" / "clinical-information-pancreatic-ct.json").write_text('{"age": 64}')
    return site


def test_one_ct_in_a_map_and_a_number_out(
    served: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["serve-challenge", "--models", str(served.models), "--input", str(tmp_path / "in")]
    assert main([*typed, "--output", str(tmp_path / "out"), "--device", "cpu", "--engine", "cpu"]) == 0
    said = capsys.readouterr()
    assert "no model uses it" in said.err
    assert "cpu" in said.err
    score = json.loads((tmp_path / "out" / LIKELIHOOD).read_text())
    assert isinstance(score, float)
    assert 0 < score <= 1
    found = read_image(tmp_path / "out" / DETECTIONS)
    ct = read_image(next((tmp_path / "in" / IMAGES).glob("*.mha")))
    assert found.geometry == ct.geometry
    assert found.array.dtype == np.float32
    assert found.array.max() == pytest.approx(score)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "detection_map.mha",
        "pdac-likelihood.json",
    ]


def test_a_fallback_is_said(served: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ct = read_image(served.file("a"))
    dark = replace(ct, array=np.full_like(ct.array, -1000))
    write_volume(dark, tmp_path / "dark" / IMAGES / "x.mha")
    typed = ["serve-challenge", "--models", str(served.models), "--input", str(tmp_path / "dark")]
    assert main([*typed, "--output", str(tmp_path / "out"), "--device", "cpu", "--engine", "cpu"]) == 0
    assert "note: Stage 1 found no pancreas" in capsys.readouterr().err


def test_not_exactly_one_ct(served: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none/images/venous-ct does not exist"):
        serve_challenge(served.models, input_folder=tmp_path / "none", output_folder=tmp_path / "out")
    (tmp_path / "none" / IMAGES).mkdir(parents=True)
    with pytest.raises(BadInput, match="has 0 CTs"):
        serve_challenge(served.models, input_folder=tmp_path / "none", output_folder=tmp_path / "out")
    (tmp_path / "in" / IMAGES / "second.mha").write_bytes(b"")
    with pytest.raises(BadInput, match="has 2 CTs"):
        serve_challenge(served.models, input_folder=tmp_path / "in", output_folder=tmp_path / "out")


def test_a_ct_that_cannot_be_read(served: Any, tmp_path: Path) -> None:
    (tmp_path / "bad" / IMAGES).mkdir(parents=True)
    (tmp_path / "bad" / IMAGES / "x.mha").write_bytes(b"nothing")
    with pytest.raises(CaseError, match=r"x\.mha"):
        serve_challenge(
            served.models, input_folder=tmp_path / "bad", output_folder=tmp_path / "out", device="cpu"
        )
    assert not (tmp_path / "out").exists()
