"""What became of a case: a tiny record, the only thing that travels back from the workers."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from radstore.catalog import Case
from radstore.errors import CaseError, RadstoreError
from radstore.store.manifest import CaseRecord


@dataclass(frozen=True)
class Outcome:
    """What became of one case: a tiny record; the arrays are in the store already.

    Parameters
    ----------
    case
        Its id.
    record
        What the manifest shall say of it now.
    computed, copied
        How many feature columns were computed, and taken over from blocks that had them.
    digests
        Fingerprint → digest, for the cache.
    error
        Why it failed: ``step``, ``message``, ``remedy``; None if it did not.
    seconds
        Time that was spent on it.
    """

    case: str
    record: CaseRecord
    computed: int = 0
    copied: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    seconds: float = 0.0


def case_info(case: Case) -> dict[str, object]:
    """What the manifest says of a case beside its blocks; a table's column never hides what is ours."""
    ours = {"patient": case.patient, "source": case.source}
    columns = {f"table_{name}" if name in ours else name: value for name, value in case.columns.items()}
    return {**columns, **ours}


def explained(problem: Exception, case: str, step: str) -> dict[str, str]:
    """An error as the record has it: ``step``, ``message`` and ``remedy``.

    Parameters
    ----------
    case, step
        Where it happened, for errors that do not know it themselves.
    """
    if isinstance(problem, RadstoreError):
        where = problem.step if isinstance(problem, CaseError) else step
        return {"step": where, "message": problem.message, "remedy": problem.remedy}
    if isinstance(problem, MemoryError):
        said, remedy = "out of memory", "Build with fewer --workers, or on a machine with more memory."
    else:
        said = f"{type(problem).__name__}: {problem}"
        trace = "".join(traceback.format_exception(problem))
        remedy = "This looks like a bug; please report it with this trace:\n" + trace
    return {"step": step, "message": f"case {case}: {said}", "remedy": remedy}
