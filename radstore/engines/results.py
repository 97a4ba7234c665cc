"""What comes out of a walk through the graph: values, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from radstore.graph import Feature


@dataclass(frozen=True)
class Results:
    """What came out: values (a number, or an array over the region's voxels) and why the others did not."""

    values: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def fail(self, features: Iterable[Feature], reason: str) -> None:
        """Record why features have no value, for those that have neither a value nor a reason yet."""
        for feature in features:
            if feature.name not in self.values:
                self.failures.setdefault(feature.name, reason)


@contextmanager
def recorded(record: Callable[[str], None]) -> Iterator[None]:
    """Hand whatever is raised inside, as one short line, to `record`: the other features go on.

    Running out of memory is the machine's failure, not the feature's, and goes on up.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # PyRadiomics raises anything, IndexError to DeprecationWarning
        text = " ".join(str(error).split())
        record(f"{type(error).__name__}: {text}" if text else type(error).__name__)
