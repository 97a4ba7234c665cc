"""The rows that are compared: their predictions, brought together and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fusion.evaluate.cases import Predicted
from fusion.inputs import CONTROLS, ROWS
from fusion.predict.origin import Origin
from fusion.predict.predictions import CANDIDATES, LABELS, Predictions
from fusion.protocol import BEST, BEST_FILE, CHAIN, PAPER, Protocol, for_external, ordered
from radstore.catalog import Case, Catalog
from radstore.errors import BadInput
from radstore.split.roll import some

Folders = Path | str | Sequence[Path | str]
Rows = dict[str, dict[str, Predicted]]


def gather(folders: Mapping[str, Folders]) -> Rows:
    """Row → case → what it predicted; the paper's rows in the paper's order, others behind them.

    Raises
    ------
    BadInput
        If a folder has no predictions or only those of Stage 1, a case stands in two folders of a row, or two
        rows held a case out in different folds.
    """
    if not folders:
        raise BadInput("no predictions to evaluate", "Name the folders that `fusion predict` wrote.")
    order = [*ROWS, *CONTROLS]
    names = sorted(folders, key=lambda row: order.index(row) if row in order else len(order))
    rows = {name: _row(name, folders[name]) for name in names}
    _same_folds(rows)
    return rows


def by_row(folders: Iterable[Path | str]) -> dict[str, list[Path | str]]:
    """Folders under the row that their index names."""
    rows: dict[str, list[Path | str]] = {}
    for folder in folders:
        rows.setdefault(Predictions.open(folder).origin.row, []).append(folder)
    return rows


def _row(name: str, folders: Folders) -> dict[str, Predicted]:
    found: dict[str, Predicted] = {}
    for folder in [folders] if isinstance(folders, str | Path) else folders:
        predictions = Predictions.open(folder)
        if predictions.origin.stage != 2:
            raise BadInput(
                f"{folder} holds predictions of stage {predictions.origin.stage}, which look for no lesion",
                "Name predictions of stage 2.",
            )
        if twice := sorted(set(found) & set(predictions.cases)):
            raise BadInput(
                f"row {name!r}: {some(twice)} in {folder} and in {found[twice[0]].candidates.parent}",
                "Name each case once: folders of one row hold different folds or sources.",
            )
        protocol = _protocol(predictions.origin)
        for case, said in predictions.cases.items():
            candidates, labels = (predictions.path(case, what) for what in (CANDIDATES, LABELS))
            own = for_external(protocol) if said.fold is None else protocol
            found[case] = Predicted(said, candidates, labels, own)
    return found


def _protocol(origin: Origin) -> Protocol:
    """How out of fold a folder's predictions are; those of before nested chains were told say less of it."""
    settings = origin.settings
    before = PAPER if settings.get("paper_mode") else CHAIN
    words = [word for model in origin.models for word in model.get("protocol", [before])]
    best = [BEST] if settings.get("checkpoint") == BEST_FILE else []
    return ordered([*(words or [before]), *best])


def _same_folds(rows: Rows) -> None:
    folds: dict[str, tuple[str, int | None]] = {}
    for row, cases in rows.items():
        for case, predicted in cases.items():
            other, fold = folds.setdefault(case, (row, predicted.said.fold))
            if fold != predicted.said.fold:
                raise BadInput(
                    f"case {case} was held out in fold {fold} by row {other!r}, in fold "
                    f"{predicted.said.fold} by row {row!r}",
                    "Compare rows of one split only.",
                )


def in_common(rows: Rows, only_common: bool) -> tuple[Rows, list[str]]:
    """The rows with the same cases, and what was left out for it.

    Raises
    ------
    BadInput
        If a row lacks cases that another has, and `only_common` does not say what to do.
    """
    everything = {case for cases in rows.values() for case in cases}
    lacking = {row: sorted(everything - set(cases)) for row, cases in rows.items()}
    lacking = {row: cases for row, cases in lacking.items() if cases}
    if not lacking:
        return rows, []
    told = [f"row {row!r} has no prediction of {some(cases)}" for row, cases in lacking.items()]
    if not only_common:
        raise BadInput(
            f"the rows cannot be compared: {'; '.join(told)}",
            "Let `fusion predict` finish, or compare what is common to all with --common.",
        )
    common = everything.difference(*lacking.values())
    if not common:
        raise BadInput("the rows have no case in common", "Name predictions of the same cases.")
    kept = {row: {case: p for case, p in cases.items() if case in common} for row, cases in rows.items()}
    return kept, [f"{line}: left out of every row" for line in told]


def protocols(rows: Rows) -> dict[str, dict[str, Protocol]]:
    """Row → case → how out of fold its prediction is."""
    return {row: {case: p.protocol for case, p in cases.items()} for row, cases in rows.items()}


def find_cases(catalog: Catalog, rows: Rows) -> dict[str, Case]:
    """Case → what the catalog says of it.

    Raises
    ------
    CatalogError
        If it does not know a source or a case.
    """
    sources: dict[str, list[str]] = {}
    for case, predicted in next(iter(rows.values())).items():
        sources.setdefault(predicted.said.source, []).append(case)
    known: dict[str, Case] = {}
    for source, ids in sources.items():
        known |= {case.id: case for case in catalog.cases(source, ids)}
    return known
