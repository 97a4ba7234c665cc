"""All statistics of one cohort: the cross-validation, or an external source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion.evaluate.bootstrap import RESAMPLES, Draws, intervals
from fusion.evaluate.cases import CaseResult
from fusion.evaluate.compare import PERMUTATIONS, compare
from fusion.evaluate.curves import curves
from fusion.evaluate.dice import summary
from fusion.evaluate.evaluation import Cohort, Estimate, RowScores
from fusion.evaluate.notes import of_protocols
from fusion.evaluate.scores import by_fold, score, spread
from fusion.evaluate.strata import Strata
from fusion.protocol import Protocol, ordered
from radstore.errors import BadInput
from radstore.suggest import suggest

INTERNAL = "cross-validation"
Rows = Mapping[str, Sequence[CaseResult]]
Protocols = Mapping[str, Mapping[str, Protocol]]


@dataclass(frozen=True)
class Options:
    """How statistics are made.

    Parameters
    ----------
    resamples
        Of the bootstrap.
    permutations
        Of the test of two rows.
    seed
        Of both.
    against
        The row that others are compared with; None: every pair.
    """

    resamples: int = RESAMPLES
    permutations: int = PERMUTATIONS
    seed: int = 0
    against: str | None = None

    def check(self, rows: Mapping[str, object]) -> None:
        """Refuse what cannot be done with these rows.

        Raises
        ------
        BadInput
            If a number is too small, or `against` is no row.
        """
        for name in ("resamples", "permutations"):
            if getattr(self, name) < 1:
                raise BadInput(f"{getattr(self, name)} {name}", "Give 1,000 or more.")
        if self.against is not None and self.against not in rows:
            raise BadInput(
                f"no row {self.against!r} to compare with", suggest(self.against, rows, "The rows are")
            )


def cohorts(
    results: Mapping[str, Mapping[str, CaseResult]],
    strata: Mapping[str, Strata],
    options: Options,
    protocols: Protocols | None = None,
) -> tuple[Cohort, ...]:
    """The cross-validation, if there are held-out cases, and each source of external ones.

    Parameters
    ----------
    results
        Row → case → result, the same cases in each.
    strata
        By what → stratum → which cases.
    options
        How.
    protocols
        Row → case → how out of fold its prediction is; None: nothing is said of it.
    """
    first = next(iter(results.values()))
    names = {case: _cohort_of(result) for case, result in first.items()}
    return tuple(
        _cohort(
            name,
            {
                row: [cases[case] for case in sorted(cases) if names[case] == name]
                for row, cases in results.items()
            },
            strata,
            options,
            protocols or {},
        )
        for name in sorted(set(names.values()), key=lambda name: (name != INTERNAL, name))
    )


def _cohort_of(result: CaseResult) -> str:
    return INTERNAL if result.fold is not None else result.source or "other cases"


def _cohort(
    name: str, rows: Rows, strata: Mapping[str, Strata], options: Options, protocols: Protocols
) -> Cohort:
    of_row = {row: _protocol(results, protocols.get(row, {})) for row, results in rows.items()}
    first = next(iter(rows.values()))
    draws = Draws.of(first, options.resamples, options.seed)
    return Cohort(
        name=name,
        external=name != INTERNAL,
        rows={row: _row(results, draws, of_row[row]) for row, results in rows.items()},
        comparisons=compare(rows, draws, options.against, options.permutations, options.seed),
        strata={by: _stratified(rows, parts, draws) for by, parts in strata.items()},
        notes=(*of_protocols(of_row), *_notes(first)),
    )


def _protocol(results: Sequence[CaseResult], of_cases: Mapping[str, Protocol]) -> Protocol:
    return ordered(word for result in results for word in of_cases.get(result.case, ()))


def _row(results: Sequence[CaseResult], draws: Draws, protocol: Protocol) -> RowScores:
    folds = by_fold(results)
    return RowScores(
        pooled=_estimate(results, draws),
        folds=folds,
        spread=spread(folds),
        dice=summary(result.dice for result in results),
        status=dict(Counter(result.status for result in results)),
        curves=curves(draws, results),
        protocol=protocol,
    )


def _estimate(results: Sequence[CaseResult], draws: Draws) -> Estimate:
    return Estimate(score(results), intervals(draws, results))


def _stratified(rows: Rows, strata: Strata, draws: Draws) -> dict[str, dict[str, Estimate]]:
    """Stratum → row → scores; strata without a case of this cohort are left out."""
    found: dict[str, dict[str, Estimate]] = {}
    for name, belongs in strata.items():
        parts = {row: [result for result in results if belongs(result)] for row, results in rows.items()}
        if any(parts.values()):
            found[name] = {row: _estimate(part, draws) for row, part in parts.items()}
    return found


def _notes(results: Sequence[CaseResult]) -> tuple[str, ...]:
    """What the truth of the cohort, the same for all rows, does not allow."""
    notes = list(score(results).notes)
    notes += [f"fold {fold}: {note}" for fold, scores in by_fold(results).items() for note in scores.notes]
    return tuple(notes)
