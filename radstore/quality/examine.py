"""`examine`: the features of a spec on a few cases, before they are computed for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from radstore.catalog import Case
from radstore.parallel import run
from radstore.quality.draws import sample
from radstore.quality.flags import FEW, FEWEST, Flag, flagged
from radstore.quality.icc import icc
from radstore.quality.levels import effective, probed
from radstore.quality.measure import OTHER, Measured, Task, measure, parted, stacked
from radstore.quality.perturbations import SMALL_MASKS
from radstore.spec import Spec

SAMPLE = 6  # cases of a check
QUICK_SAMPLE = 4  # of the check before a large build


@dataclass(frozen=True)
class Examination:
    """What a sample of cases showed.

    Parameters
    ----------
    cases
        Ids of those that were measured.
    failed
        Case → error (``step``, ``message``, ``remedy``), for those of the sample that could not be.
    features
        How many features were looked at.
    flags
        What is wrong, in the features' order.
    notes
        What could not be looked at, and why.
    """

    cases: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]]
    features: int
    flags: tuple[Flag, ...]
    notes: tuple[str, ...] = ()

    @property
    def meaningless(self) -> tuple[str, ...]:
        """The features whose numbers say nothing of an image."""
        return tuple(dict.fromkeys(flag.feature for flag in self.flags if flag.meaningless))


def examine(
    cases: Iterable[Case],
    spec: Spec,
    region: str,
    *,
    engine: str = "auto",
    count: int = SAMPLE,
    seed: int = 0,
    quick: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Examination:
    """Compute the features of a few cases, of perturbed masks, and of noise in the same masks.

    Parameters
    ----------
    cases
        Of which the sample is drawn.
    spec, region, engine
        Which features, where, by whom.
    count, seed
        How many cases, and which.
    quick
        Leave out the perturbed masks, which take most of the time.
    jobs
        Processes; default: one a core. The result is the same for any number.
    progress
        Told how many of how many cases are done.
    """
    graph, probes = probed(spec)
    strengths = None if quick else SMALL_MASKS
    task = Task(region, spec.settings, graph, engine, strengths, other=True, seed=seed)
    chosen = sample(cases, count, seed)
    found = run(measure, [(task, case) for case in chosen], jobs, progress)
    measured, failed = parted(found)
    ids = tuple(one.case for one in measured)
    if not measured:
        return Examination(
            ids, failed, len(spec.names), (), ("no case could be read: nothing was looked at",)
        )
    return Examination(ids, failed, len(spec.names), _flags(task, spec, probes, measured), _notes(measured))


def _flags(task: Task, spec: Spec, probes: Mapping[str, str], measured: list[Measured]) -> tuple[Flag, ...]:
    values = stacked(measured)
    place = {name: at for at, name in enumerate(task.graph.names)}
    columns = [place[name] for name in spec.names]
    features = [task.graph.features[at] for at in columns]
    real, other = values[:, 0], values[:, task.kinds.index(OTHER)]
    levels = {name: effective(real[:, place[probe]]) for name, probe in probes.items()}
    moved = values[:, [at for at, kind in enumerate(task.kinds) if kind != OTHER]][:, :, columns]
    stability = icc(moved) if moved.shape[1] > 1 else None
    return tuple(flagged(features, real[:, columns], other[:, columns], levels, stability))


def _notes(measured: list[Measured]) -> tuple[str, ...]:
    notes = []
    if len(measured) < FEWEST:
        notes.append(
            f"duplicates were not looked for: that takes {FEWEST} cases, {len(measured)} could be read"
        )
    for one in measured:
        notes += [f"case {one.case}, {kind}: {why}" for kind, why in one.lost.items()]
    if len(measured) < FEW:
        notes.append(f"constants were not looked for: that takes {FEW} cases")
    return tuple(notes)
