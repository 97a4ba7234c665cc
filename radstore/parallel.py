"""Running many small tasks on all cores, with the same bits for any number of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from radstore.errors import RadstoreError

Progress = Callable[[int, int], None]
T = TypeVar("T")


def run(
    task: Callable[..., T],
    arguments: Sequence[tuple[Any, ...]],
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[T]:
    """`task` of each of `arguments`, in their order.

    Parameters
    ----------
    jobs
        Processes; default: one a core.
    progress
        Told how many of how many tasks are done.

    Raises
    ------
    RadstoreError
        If a process died.
    """
    from joblib import Parallel, cpu_count, delayed

    workers = Parallel(n_jobs=jobs or cpu_count(), return_as="generator")
    results = []
    with warnings.catch_warnings():
        # joblib replaces a process that holds 300 MB more than it began with, and warns: torch alone is that
        warnings.filterwarnings("ignore", message="A worker stopped", category=UserWarning)
        try:
            for result in workers(delayed(_alone)(task, these) for these in arguments):
                results.append(result)
                if progress:
                    progress(len(results), len(arguments))
        except BrokenProcessPool as error:
            raise RadstoreError(
                f"a process died ({type(error).__name__}) after {len(results):,} of {len(arguments):,} tasks",
                "Most often memory: run this again with fewer --jobs.",
            ) from error
    return results


def _alone(task: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    """On one thread of the linear algebra, whose sums would else depend on how many there are."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return task(*arguments)
