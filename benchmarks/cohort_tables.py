"""Part of two cohorts' features in one small file, for fast tests: texture of the CT and three LoG filters.

    python -m benchmarks.cohort_tables [--signal cohort/signal/store] [--control cohort/control/store]
                                       [--out tests/pipelines/cohorts.npz]

The stores are those that `pipelines.panorama` makes of ``pipelines/signal.yaml`` and
``pipelines/control.yaml``.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

import radstore

VIEW = "panorama-1486@pancreas"
KEPT = re.compile(r"(original|log-sigma-[123]-0-mm-3D)_(glcm|glrlm|glszm|gldm|ngtdm)_")


def table_of(store: str) -> dict[str, np.ndarray]:
    """Values (float32 [case, feature]) and the columns that a selection needs."""
    table = radstore.open(store).table(VIEW)
    names = [str(name) for name in table["feature"].values if KEPT.match(str(name))]
    return {
        "value": table["value"].sel(feature=names).values.astype(np.float32),
        "feature": np.array(names),
        "case": table["case"].values.astype(str),
        "patient": table["patient"].values.astype(str),
        "label": table["label"].values.astype(np.int8),
        "fold": table["fold"].values.astype(np.int8),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signal", default="cohort/signal/store")
    parser.add_argument("--control", default="cohort/control/store")
    parser.add_argument("--out", type=Path, default=Path("tests/pipelines/cohorts.npz"))
    args = parser.parse_args()
    arrays = {
        f"{name}_{key}": values
        for name in ("signal", "control")
        for key, values in table_of(getattr(args, name)).items()
    }
    np.savez_compressed(args.out, **arrays)
    print(f"{args.out}: {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
