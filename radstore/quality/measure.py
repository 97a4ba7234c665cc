"""The features of one case: as it is, perturbed, and of another image in its mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from radstore.catalog import Case
from radstore.engines.base import Engine, Local
from radstore.engines.registry import choose
from radstore.errors import CaseError
from radstore.graph import Graph
from radstore.images.box import Box, bounding_box, grown
from radstore.images.volume import Volume
from radstore.inputs import prepare_case
from radstore.quality.draws import generator
from radstore.quality.perturbations import Strengths, cast, perturbed
from radstore.spec import Settings

AS_IT_IS = "as it is"
OTHER = "another image"
PERCENTILES = (1, 99)  # of the region's values: between them lies the other image


@dataclass(frozen=True)
class Task:
    """What is measured on every case of a sample. Small and picklable.

    Parameters
    ----------
    region, settings, graph
        Where, how read, which features.
    engine
        Name of an engine that works in this process.
    strengths
        Of the perturbations; None for none.
    other
        Whether another image in the same mask is measured too.
    seed
        Of everything random.
    """

    region: str
    settings: Settings
    graph: Graph
    engine: str
    strengths: Strengths | None = None
    other: bool = False
    seed: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each case is measured as, itself first."""
        kinds = self.strengths.kinds if self.strengths else ()
        return (AS_IT_IS, *kinds, *([OTHER] if self.other else []))


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on one case.

    Parameters
    ----------
    case
        Its id.
    values
        float64 [kind, feature]: kinds as in the task, features as in its graph; NaN where undefined.
    error
        Why nothing could be measured (``step``, ``message``, ``remedy``).
    lost
        Kind → why the case has no such perturbation.
    """

    case: str
    values: np.ndarray
    error: Mapping[str, str] | None = None
    lost: Mapping[str, str] = field(default_factory=dict)


def measure(task: Task, case: Case) -> Measured:
    """Measure one case, on one thread; what is wrong with it is in the result."""
    values = np.full((len(task.kinds), len(task.graph.features)), np.nan)
    lost = {}
    try:
        if case.problem is not None:
            raise case.problem
        with _one_thread():
            image, mask = prepare_case(case, task.region, task.settings)
            engine, _ = choose(task.engine)
            frame = _frame(engine, task.graph, image, mask)
            for row, kind in zip(values, task.kinds, strict=True):
                why = _fill(row, kind, task, case, engine, (image, mask, frame))
                if why:
                    lost[kind] = why
    except CaseError as error:
        told = {"step": error.step, "message": error.message, "remedy": error.remedy}
        return Measured(case.id, values, told)
    return Measured(case.id, values, lost=lost)


def other_image(image: Volume, mask: Volume, random: np.random.Generator, frame: Box | None) -> Volume:
    """Noise without structure where the image was, uniform over the range of the region's values."""
    inside = image.array[mask.array > 0] if image.array.shape == mask.array.shape else image.array
    low, high = np.percentile(inside, PERCENTILES)
    part = frame or (slice(None),) * 3
    array = image.array.copy()
    # where the region has a single value so would the noise
    values = random.uniform(low, max(high, low + 1), array[part].shape)
    array[part] = cast(values, array.dtype)
    return replace(image, array=array)


def _fill(
    row: np.ndarray,
    kind: str,
    task: Task,
    case: Case,
    engine: Engine,
    ready: tuple[Volume, Volume, Box | None],
) -> str:
    """Measure one kind into a row; why it could not be done, or nothing."""
    image, mask, frame = ready
    random = generator(task.seed, case.id, kind)
    pair: tuple[Volume, Volume] | None = image, mask
    if kind == OTHER:
        pair = other_image(image, mask, random, frame), mask
    elif kind != AS_IT_IS and task.strengths:
        pair = perturbed(kind, image, mask, task.strengths, random, frame)
    if pair is None:
        return "nothing is left of the region"
    try:
        vector = engine.vector(*pair, task.graph)
    except CaseError as error:
        if kind == AS_IT_IS:
            raise
        return error.message
    row[:] = [vector.values[name] for name in task.graph.names]
    return ""


def _frame(engine: Engine, graph: Graph, image: Volume, mask: Volume) -> Box | None:
    """The part of the image that the engine reads, with room for a perturbed mask; None: all of it."""
    margin = engine.margin(graph, image.geometry) if isinstance(engine, Local) else None
    box = bounding_box(mask.array)
    if margin is None or box is None or image.array.shape != mask.array.shape:
        return None
    z, y, x = (2 * n + 4 for n in margin)
    return grown(box, (z, y, x), image.array.shape)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Cases run side by side, so each has one thread; afterwards as before."""
    from radstore.images.itk import set_threads
    from radstore.threads import threads

    before = threads()
    set_threads(1)
    try:
        yield
    finally:
        set_threads(before)


def parted(found: Sequence[Measured]) -> tuple[list[Measured], dict[str, dict[str, str]]]:
    """Those that could be measured, and case → error (``step``, ``message``, ``remedy``) of the others."""
    measured = [one for one in found if one.error is None]
    return measured, {one.case: dict(one.error) for one in found if one.error is not None}


def stacked(measured: Sequence[Measured]) -> np.ndarray:
    """float64 [case, kind, feature] of cases that could be measured."""
    return np.stack([one.values for one in measured])
