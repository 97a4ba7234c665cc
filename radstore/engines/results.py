"""What comes out of a walk through the graph: values, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from radstore.engines.groups import Group
from radstore.graph import Feature
from radstore.images.discretise import BINS


@dataclass(frozen=True)
class Results:
    """What came out: values (a number, or an array over the region's voxels), why the others did not, and
    which values say nothing.
    """

    values: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def fail(self, features: Iterable[Feature], reason: str) -> None:
        """Record why features have no value, for those that have neither a value nor a reason yet."""
        for feature in features:
            if feature.name not in self.values:
                self.failures.setdefault(feature.name, reason)

    def note_levels(self, group: Group, levels: int) -> None:
        """Say so where a region has one grey level: its texture is then the same as any flat region's."""
        if levels > 1:
            return
        for feature in group.features:
            bins = {name: value for name, value in feature.node.chain().items() if name in BINS}
            told = ", ".join(f"{name} {value:g}" for name, value in bins.items())
            if told:
                self.notes[feature.name] = f"the region has one grey level ({told}): choose finer bins"


def by_reason(reasons: Mapping[str, str], shown: int = 3) -> list[str]:
    """Feature name → reason, a line a reason: ``a, b, c and 4 more: why``."""
    lines = []
    for reason in dict.fromkeys(reasons.values()):
        names = [name for name, why in reasons.items() if why == reason]
        more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
        lines.append(f"{', '.join(names[:shown])}{more}: {reason}")
    return lines


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
