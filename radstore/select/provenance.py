"""Where a selection comes from and what it is worth, as plain JSON: what a written spec says of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import radstore
from radstore.canonical import digest_of
from radstore.select.selection import Selection
from radstore.select.sites import said_of_sites

OPTIMISTIC = (
    "Selected on all labelled cases: whatever is trained with these features and validated on the same cases "
    "looks better than it is. Select with --fold K for each fold to avoid that."
)


def provenance_of(selection: Selection, source: Mapping[str, Any]) -> dict[str, Any]:
    """Where a selection comes from, what it is worth, and how its features are scaled; plain JSON.

    Parameters
    ----------
    source
        Of the table: ``store``, ``version``, ``view``, ``spec_hash``, ``label``, ``harmonise``, ``fold``, ….
    """
    import sklearn

    cohort, found = selection.cohort, selection.nested
    whole_cohort = source.get("fold") is None
    said = {
        "by": f"radstore {radstore.__version__} select, scikit-learn {sklearn.__version__}",
        **({"warning": OPTIMISTIC} if whole_cohort else {}),
        **source,
        "positive": cohort.words[0],
        "negative": cohort.words[1],
        "cases": len(cohort),
        "positives": int(cohort.positive.sum()),
        "patients": len(set(cohort.patients)),
        "cases_hash": digest_of(cohort.cases.tolist()),
        "folds_hash": digest_of(dict(zip(cohort.cases.tolist(), found.folds.tolist(), strict=True))),
        "offered": len(cohort.features),
        "options": vars(selection.options),
        **({"harmonised": said_of_sites(cohort)} if cohort.sites is not None else {}),
        "stability": vars(selection.stability),
        "scores": _scores(selection),
        "intercept": float(selection.model[-1].intercept_[0]) if selection.model else None,
        "features": _features(selection),
        "notes": list(selection.notes),
    }
    return plain(
        {**said, "folds_hash": digest_of(dict(zip(cohort.cases.tolist(), found.folds.tolist(), strict=True)))}
    )


def _scores(selection: Selection) -> dict[str, Any]:
    found, held_out, null = selection.nested, selection.held_out, selection.null
    said: dict[str, Any] = {
        "nested": {"what": "honest: the whole procedure on cases it never saw", **found.honest.to_json()},
        "chosen_outside": {
            "what": "optimistic: features chosen on all cases, only the model cross-validated",
            **found.chosen_outside.to_json(),
        },
        "same_data": {
            "what": "most optimistic: scored on the cases it was fitted on",
            **found.same_data.to_json(),
        },
    }
    if held_out is not None:
        said["held_out"] = {"what": "the fold's own cases, which took no part", **held_out.to_json()}
    if null is not None:
        said["null"] = {
            "permutations": len(null.auroc),
            "central_95": list(null.interval),
            "inside": null.inside,
            "p": null.p,
        }
    return said


def _features(selection: Selection) -> dict[str, dict[str, Any]]:
    table, scaler = selection.table, selection.scaler()
    columns = [column for column in table.columns if column != "selected"]
    return {
        name: {**{column: table.at[name, column] for column in columns}, **scaler[name]}
        for name in selection.features
    }


def plain(value: Any) -> Any:
    """As JSON and YAML have it: NumPy's scalars as Python's, NaN and infinities as null, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
