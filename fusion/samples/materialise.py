"""All labelled cases of a plan as training blocks in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radstore.catalog import Catalog
from radstore.parallel import Progress
from radstore.store.log import Version


@dataclass(frozen=True)
class Materialised:
    version: Version
    made: tuple[str, ...]
    reused: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]]
    unlabelled: tuple[str, ...]
    notes: tuple[str, ...]


def materialise(
    store: str | Path,
    catalog: str | Path | Catalog,
    plans: Mapping[str, Any],
    dataset_json: Mapping[str, Any],
    plan_name: str,
    *,
    cases: Sequence[str] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    message: str = "",
) -> Materialised: ...
