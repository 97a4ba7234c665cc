"""IBSI's codes: each leads to a feature that exists, and to the one that the reference says."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from radstore.texture.ibsi import FEATURES
from radstore.texture.names import every_feature


def test_codes_lead_to_features() -> None:
    known = {f"{f.family}_{f.name}" for f in every_feature() if f.status != "withdrawn"}
    assert set(FEATURES.values()) <= known
    assert all(re.fullmatch(r"[A-Z0-9]{4}", code) for code in FEATURES)


def test_the_reference_calls_them_the_same(shared_reference: Path) -> None:
    with (shared_reference / "ibsi1_reference.csv").open(encoding="utf-8") as file:
        theirs = {row["ibsi_code"]: row["pyradiomics_feature"] for row in csv.DictReader(file)}
    assert FEATURES.keys() <= theirs.keys()
    for code, feature in theirs.items():
        if feature:
            assert FEATURES[code] == feature
