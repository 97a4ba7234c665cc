"""How long a selection takes on a table like PANORAMA's: 2,238 cases × 1,486 correlated features.

    python -m benchmarks.selection [--cases 2238] [--features 1486] [--jobs 2]

Features are made of 60 common factors and noise of their own, so that many are correlated and several
hundred pass the filter. Times: the default run, and the parts of one fold's choice.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from radstore.select import Options, select_features
from radstore.select.cohort import Cohort
from radstore.select.procedure import choose

FACTORS, LOADED = 60, 0.08  # common factors, and the share of them that a feature has
LABELS = 6  # factors that the label depends on
COPIES = 0.2  # share of the features that nearly repeat another


def like_panorama(cases: int, features: int, seed: int) -> Cohort:
    """Correlated features, 30 % positives, some patients with two studies."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(cases, FACTORS))
    loads = rng.normal(size=(FACTORS, features)) * (rng.random((FACTORS, features)) < LOADED)
    values = factors @ loads + 0.3 * rng.normal(size=(cases, features)) * rng.gamma(1, 1, features)
    order = rng.permutation(features)
    copies = order[: int(COPIES * features)]
    values[:, copies] = values[:, order[-len(copies) :]] + 0.01 * values[:, copies]
    score = 0.5 * factors[:, :LABELS].sum(axis=1) + 1.5 * rng.normal(size=cases)
    cases_ids = np.array([f"case{n:05d}" for n in range(cases)])
    patients = np.array([f"patient{n // 8 * 7 + min(n % 8, 6):05d}" for n in range(cases)])
    names = tuple(f"feature{n:04d}" for n in range(features))
    return Cohort(values, score > np.quantile(score, 0.7), cases_ids, patients, names)


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2238)
    parser.add_argument("--features", type=int, default=1486)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    cohort = like_panorama(args.cases, args.features, seed=0)
    print(f"{args.cases} cases of {len(set(cohort.patients))} patients × {args.features} features")
    with threadpool_limits(1):
        choose(cohort.values[:100], cohort.positive[:100], Options())  # imports
        for name, options in (
            ("defaults", Options()),
            ("no redundancy step", Options(redundancy=1.0)),
            ("no filter", Options(alpha=1.0)),
            ("C = 0.1", replace(Options(), C=0.1)),
            ("C = 1", replace(Options(), C=1.0)),
        ):
            took, choice = seconds(lambda o=options: choose(cohort.values, cohort.positive, o))
            print(f"  one choice, {name:20} {took:6.1f} s   {choice.left}", flush=True)
    for name, options in (("defaults", Options()), ("no filter", Options(alpha=1.0))):
        took, found = seconds(lambda o=options: select_features(cohort, o, jobs=args.jobs))
        print(f"  whole run, {name:10} {args.jobs} processes {took:6.1f} s   nested {found.nested.honest}")
        print(f"    stability {found.stability.value:.3f}", flush=True)


if __name__ == "__main__":
    main()
