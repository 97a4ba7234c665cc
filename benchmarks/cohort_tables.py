"""Part of two cohorts' features in one small file, for fast tests.

    python -m benchmarks.cohort_tables [--signal cohort/signal/store] [--control cohort/control/store]
                                       [--out tests/pipelines/cohorts.npz]

The stores are those that `pipelines.panorama` makes of ``pipelines/signal.yaml`` and
``pipelines/control.yaml``. Kept are GLCM and GLDM of the CT and of five filters, among them those in which
the recorded run found its features. Of the control only the PDAC cases are kept: the others' images are the
same.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np

import radstore

VIEW = "panorama-1486@pancreas"
KEPT = re.compile(r"(original|log-sigma-1-0-mm-3D|wavelet-(HLL|LHL|HHL|HLH))_(glcm|gldm)_")


def table_of(store: str) -> dict[str, Any]:
    """Values (float32 [case, feature]) and the columns that a selection needs."""
    table = radstore.open(store).table(VIEW)
    names = [str(name) for name in table["feature"].values if KEPT.match(str(name))]
    return {
        "value": table["value"].sel(feature=names).values.astype(np.float32),
        "feature": np.array(names),
        "case": table["case"].values.astype(str),
        "patient": table["patient"].values.astype(str),
        "label": table["label"].values.astype(np.int8),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signal", default="cohort/signal/store")
    parser.add_argument("--control", default="cohort/control/store")
    parser.add_argument("--out", type=Path, default=Path("tests/pipelines/cohorts.npz"))
    args = parser.parse_args()
    signal, control = table_of(args.signal), table_of(args.control)
    pdac = signal["label"] == 1
    for key in ("case", "patient", "label", "feature"):
        if not np.array_equal(signal[key], control[key]):
            raise SystemExit(f"{args.signal} and {args.control} are not the same cohort: {key} differs")
    if not np.array_equal(signal["value"][~pdac], control["value"][~pdac], equal_nan=True):
        raise SystemExit("cases without a PDAC differ between the two cohorts")
    np.savez_compressed(args.out, **signal, control=control["value"][pdac])
    print(f"{args.out}: {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
