"""`evaluate`: from folders of predictions to statistics that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fusion.evaluate.bootstrap import LEVEL, RESAMPLES
from fusion.evaluate.cases import CaseResult, judge
from fusion.evaluate.cohort import Options, cohorts
from fusion.evaluate.compare import PERMUTATIONS
from fusion.evaluate.evaluation import Evaluation
from fusion.evaluate.notes import of_rows
from fusion.evaluate.picai import MIN_OVERLAP
from fusion.evaluate.ranking import METRICS
from fusion.evaluate.rows import Folders, Rows, find_cases, gather, in_common, protocols
from fusion.evaluate.strata import SIZE, SIZES_MM, all_columns, column_strata, size_strata
from fusion.evaluate.unseen import require_unseen
from fusion.telling import Progress
from radstore.catalog import Case, Catalog, load_catalog
from radstore.errors import BadInput, CaseError
from radstore.parallel import run
from radstore.split.roll import some

STATUS = {
    "failed": "failed: counted as score 0 without candidates",
    "fallback": "had no predicted pancreas: a fallback region was used",
}
"""What a reader must know of predictions that are not ``ok``."""
Results = dict[str, dict[str, CaseResult]]


def evaluate(
    folders: Mapping[str, Folders],
    catalog: Catalog | Path | str,
    *,
    trained_on: Sequence[str] | None = None,
    common: bool = False,
    by: Sequence[str] = (),
    sizes_mm: Sequence[float] = SIZES_MM,
    against: str | None = None,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate rows of the ablation on the same cases.

    Predictions of held-out cases (with a fold) make the cross-validation, those of external cases a cohort a
    source. Candidates are matched to lesions by picai_eval on the full CT, so that a lesion outside the ROI
    is a miss. A failed prediction counts as score 0 without candidates; a case without usable labels is left
    out and counted.

    Parameters
    ----------
    folders
        Row → the folder, or folders (of folds, of sources), that `fusion predict` wrote.
    catalog
        Where the labels are: a catalog, or its file.
    trained_on
        The sources that models were trained on; by default all of the catalog without external cases.
        External patients may not be in them, nor have a fold in the catalog's store.
    common
        Compare the cases that all rows have, instead of refusing rows with different cases.
    by
        Columns of the catalog's tables to stratify by, besides site and scanner where there are any.
    sizes_mm
        Edges of the lesion sizes to stratify by: the diameter of the sphere of the lesion's volume.
    against
        Compare rows with this one only; by default every pair.
    resamples, permutations
        Of the bootstrap, and of the test of two rows.
    seed
        Of both.
    jobs
        Processes that read and match; default: one a core.
    progress
        Told how many of how many cases are matched.

    Raises
    ------
    BadInput
        If the folders cannot be compared, patients were trained on, or no case is left.
    """
    known = catalog if isinstance(catalog, Catalog) else load_catalog(catalog)
    options = Options(resamples, permutations, seed, against)
    rows, notes = in_common(gather(folders), common)
    options.check(rows)
    strata = {SIZE: size_strata(sizes_mm)}
    cases = find_cases(known, rows)
    notes += require_unseen(known, cases, rows, trained_on)
    columns = {case: found.columns for case, found in cases.items()}
    strata |= {name: column_strata(name, columns) for name in all_columns(by, columns)}
    results, left_out = _judged(cases, rows, jobs, progress)
    return Evaluation(
        cohorts=cohorts(results, strata, options, protocols(rows)),
        results=results,
        left_out=left_out,
        settings={
            "primary": METRICS[0],
            "min_overlap": MIN_OVERLAP,
            "level": LEVEL,
            **vars(options),
            "sizes_mm": list(sizes_mm),
            "folders": {row: sorted({str(p.candidates.parent) for p in rows[row].values()}) for row in rows},
        },
        notes=(*notes, *_notes(results, left_out)),
    )


def _judged(
    cases: Mapping[str, Case], rows: Rows, jobs: int | None, progress: Progress | None
) -> tuple[Results, dict[str, dict[str, str]]]:
    """Row → case → result, and why cases were left out."""
    ids = sorted(cases)
    tasks = [(cases[case], {row: predicted[case] for row, predicted in rows.items()}) for case in ids]
    results: Results = {row: {} for row in rows}
    left_out = {}
    for case, made in zip(ids, run(judge, tasks, jobs, progress), strict=True):
        if isinstance(made, CaseError):
            left_out[case] = {"step": made.step, "message": made.message, "remedy": made.remedy}
            continue
        for row, result in made.items():
            results[row][case] = result
    if len(left_out) == len(ids):
        why = left_out[ids[0]]
        raise BadInput(
            f"no case has labels that can be used, such as {ids[0]}: {why['message']}", why["remedy"]
        )
    return results, left_out


def _notes(results: Results, left_out: Mapping[str, object]) -> list[str]:
    notes = []
    if left_out:
        notes.append(f"{some(left_out)} left out: no labels that can be used")
    told: dict[str, list[str]] = {}  # what → of which rows; Stage 1 fails for all rows alike
    for row, cases in results.items():
        for status, meaning in STATUS.items():
            if found := [case for case, result in cases.items() if result.status == status]:
                told.setdefault(f"{some(found)} {meaning}", []).append(row)
        if odd := [case for case, result in cases.items() if result.notes]:
            told.setdefault(f"{some(odd)} odd: {cases[odd[0]].notes[0]}", []).append(row)
    return [*notes, *of_rows(told, results)]
