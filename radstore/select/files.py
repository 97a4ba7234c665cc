"""What a selection leaves behind: a spec to build at once, all of it as JSON and CSV, a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import yaml

from radstore.errors import BadInput
from radstore.output_file import writing
from radstore.select.provenance import OPTIMISTIC, plain
from radstore.select.selection import Selection
from radstore.spec import Spec

BESIDE = (".json", ".csv", ".png")
HARMONISED = (
    "Selected on values that were harmonised over {column!r}; what is built with this file is not. The "
    "statistics of the features below are those of harmonised values."
)


def require_free(path: Path, force: bool) -> None:
    """Refuse a path that no spec can have, or, without `force`, files that are there."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise BadInput(f"{path} is no name for a spec", "Use the suffix .yaml.")
    there = [file for file in _all(path) if file.exists()]
    if there and not force:
        raise BadInput(f"{there[0]} is there already", "Name another with --out, or use --force.")


def write(
    selection: Selection, spec: Spec, region: str, provenance: Mapping[str, Any], path: Path
) -> list[Path]:
    """Write the files of a selection; returns their paths.

    Parameters
    ----------
    spec
        What the table was computed with: its settings go into the written spec.
    region
        The region that the table was computed in.
    path
        The spec's path; the others lie beside it. No spec is written if nothing was selected, and an
        earlier one there is removed.
    """
    from radstore.report.selection import write_figure

    main, as_json, as_csv, figure = _all(path)
    if selection.features:
        with writing(main) as aside:
            aside.write_text(spec_text(selection, spec, region, provenance), encoding="utf-8")
    else:
        main.unlink(missing_ok=True)
    with writing(as_json) as aside:
        everything = {**provenance, **_everything(selection)}
        aside.write_text(json.dumps(plain(everything), indent=1, ensure_ascii=False), encoding="utf-8")
    with writing(as_csv) as aside:
        selection.table.to_csv(aside)
    write_figure(selection, figure)
    return [file for file in (main, as_json, as_csv, figure) if file.exists()]


def spec_text(selection: Selection, spec: Spec, region: str, provenance: Mapping[str, Any]) -> str:
    """The spec of the selected features: exact names, the table's settings, region, maps, provenance."""
    chosen = {**spec.document, "features": list(selection.features), "maps": True}
    document = Spec.from_dict(chosen).document
    first = {"features": document.pop("features"), "region": region}
    ordered = {key: value for key, value in (first | document).items() if value != {}}
    ordered["provenance"] = dict(provenance)
    text = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    head = "# Written by `radstore select`; build it with `radstore build --features` and this file.\n"
    if "harmonised" in provenance:
        head += _comment(HARMONISED.format(column=provenance.get("harmonise")))
    return head + (_comment(OPTIMISTIC) if "warning" in provenance else "") + text


def _comment(text: str) -> str:
    return fill(text, 100, initial_indent="# ", subsequent_indent="# ") + "\n"


def _all(path: Path) -> list[Path]:
    return [path, *(path.with_suffix(suffix) for suffix in BESIDE)]


def _everything(selection: Selection) -> dict[str, Any]:
    cohort, found = selection.cohort, selection.nested
    names = np.array(cohort.features)
    return {
        "fold_sets": [names[chosen].tolist() for chosen in found.whole.chosen],
        "fold_auroc": found.whole.auroc.tolist(),
        "fold_steps": list(found.whole.left),
        "outer_sets": [names[list(vote.features)].tolist() for vote in found.inner],
        "predictions": [
            {"case": case, "patient": patient, "positive": truth, "fold": fold, "decision": decision}
            for case, patient, truth, fold, decision in zip(
                *(
                    array.tolist()
                    for array in (cohort.cases, cohort.patients, cohort.positive, found.folds, found.decision)
                ),
                strict=True,
            )
        ],
        "null_auroc": list(selection.null.auroc) if selection.null else None,
    }
