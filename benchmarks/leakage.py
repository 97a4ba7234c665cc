"""Does selection leak? On noise nothing can be found; what a method reports above 0.5 is leakage.

    python -m benchmarks.leakage [--cases 200] [--features 1486] [--permutations 100] [--jobs N]

Features are independent noise, labels are balanced. Two settings: the defaults, where the univariate filter
lets little through, and no filter at all (`alpha` 1), where whatever can leak does.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from radstore.select import Options, select_features
from radstore.select.cohort import Cohort


def noise(cases: int, features: int, seed: int) -> Cohort:
    """A cohort in which nothing is to be found."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"case{n:05d}" for n in range(cases)])
    labels = rng.permutation(np.arange(cases) % 2 == 0)
    names = tuple(f"noise{n:04d}" for n in range(features))
    return Cohort(rng.normal(size=(cases, features)), labels, ids, ids, names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--features", type=int, default=1486)
    parser.add_argument("--permutations", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=None)
    args = parser.parse_args()
    cohort = noise(args.cases, args.features, args.seed)
    for name, options in (
        ("defaults (10 folds, alpha 0.05)", Options(seed=args.seed)),
        ("no filter (5 folds, alpha 1)", Options(seed=args.seed, folds=5, alpha=1.0)),
    ):
        began = time.perf_counter()
        found = select_features(cohort, options, permutations=args.permutations, jobs=args.jobs)
        if found.null is None:
            raise SystemExit("give --permutations from 1 on")
        low, high = found.null.interval
        print(f"{name}, {args.cases} cases, {args.features} noise features")
        print(f"  chosen on all cases, scored on them      {found.nested.same_data}")
        print(f"  chosen on all cases, then cross-validated {found.nested.chosen_outside}")
        print(f"  nested                                    {found.nested.honest}")
        where = "inside" if found.null.inside else "OUTSIDE"
        print(f"  null of {args.permutations}: central 95 % {low:.3f} to {high:.3f}; nested is {where}")
        print(f"  {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
