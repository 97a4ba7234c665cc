"""`Plan`: what a run of the pipeline was asked for, and what its steps ask of catalog and store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.budget import FULL, QUICK, Budget
from radstore.canonical import digest_of, digest_of_file
from radstore.catalog import Case, Catalog, load_catalog
from radstore.cli.output import many
from radstore.errors import BadInput
from radstore.spec import Spec, load_spec
from radstore.store import layout
from radstore.store.bucket import open_bucket
from radstore.store.manifest import FOLD
from radstore.store.query import Snapshot, open_store
from radstore.store.table import FEATURES


@dataclass(frozen=True)
class Plan:
    """What is asked for. Nothing is kept of the store between two questions: steps change it.

    Parameters
    ----------
    catalog, features
        Files: what and where, which numbers.
    store
        Path or URL; None: the one the catalog names.
    out
        The folder of everything that is no store.
    source
        Only its cases are split, trained on and computed; None: all sources'.
    limit
        Only the first so many are computed; None: all.
    external
        Sources that nothing is learnt from: every chain predicts them, for an external test. Needs `source`.
    nested
        Whether a Stage 1 is trained for each pair of folds too: masks then know no label of a chain's fold.
    folds
        Of the split: who is held out.
    selection_folds
        Of the cross-validation inside a selection.
    permutations
        Of the labels; 0: none.
    region, label, seed, jobs, device
        As the verbs have them.
    rows
        Of the ablation.
    otherwise
        The spec of a fold whose selection finds nothing; None: the pipeline stops there.
    quick
        Whether networks are tiny and learn for a minute.
    """

    catalog: Path
    features: Path
    store: str | None
    out: Path
    source: str | None = None
    limit: int | None = None
    folds: int = 5
    selection_folds: int = 10
    permutations: int = 0
    region: str = "pancreas"
    label: str = "label"
    seed: int = 0
    jobs: int | None = None
    device: str = "auto"
    rows: tuple[str, ...] = ()
    otherwise: Path | None = None
    quick: bool = False
    external: tuple[str, ...] = ()
    nested: bool = False

    def __post_init__(self) -> None:
        if self.external and (self.source is None or self.source in self.external):
            raise BadInput(
                f"--external {','.join(self.external)}, and --source {self.source or 'is not given'}",
                "Name the one source that is trained on with --source, and others with --external.",
            )
        if self.nested and self.folds < 3:
            raise BadInput(
                f"--nested with {self.folds} folds: a Stage 1 without two of them learns from nothing",
                "Split into three folds or more, with --folds.",
            )

    @property
    def sources(self) -> tuple[str | None, ...]:
        """What is predicted: what is trained on, and the external sources."""
        return (self.source, *self.external)

    @property
    def budget(self) -> Budget:
        """How large networks are and how long they learn."""
        return QUICK if self.quick else FULL

    def chosen(self, fold: int) -> Path:
        """The spec of a fold's chain: what its selection chose, else the one that stands in.

        Raises
        ------
        BadInput
            If nothing was selected and nothing stands in.
        """
        selected = self._selected(fold)
        if selected.is_file():
            return selected
        if self.otherwise is None:
            raise BadInput(
                f"{selected} is not there: the selection of fold {fold} found nothing",
                "Name a spec that stands in: --otherwise selected.yaml. The report will say so.",
            )
        return self.otherwise

    def told(self, fold: int) -> str:
        """What the selection of a fold came to, in words."""
        if self._selected(fold).is_file():
            return f"fold {fold}: {many(len(load_spec(self._selected(fold)).names), 'feature')}"
        return f"fold {fold}: nothing, {self.otherwise or 'and nothing'} stands in"

    def _selected(self, fold: int) -> Path:
        return self.out / f"selected.fold{fold}.yaml"

    @cached_property
    def cases(self) -> Catalog:
        """The catalog; its cases are looked for once."""
        return load_catalog(self.catalog)

    @cached_property
    def spec(self) -> Spec:
        """Which numbers."""
        return load_spec(self.features)

    @property
    def place(self) -> str:
        """Where the store is."""
        return self.store or self.cases.store

    @property
    def view(self) -> str:
        """The view that the features are."""
        return f"{self.spec.name}@{self.region}"

    def snapshot(self) -> Snapshot | None:
        """The store as it is now, if there is one."""
        return open_store(self.place) if layout.is_store(open_bucket(self.place)) else None

    def found(self, limited: bool = True, external: bool = False) -> str:
        """Digest of the cases that are asked for: ids, table columns, files as they lie there.

        Without `limited` of the whole source; with `external` of the external sources too.
        """
        limit = self.limit if limited else None
        sources = self.sources if external else (self.source,)
        cases = [case for source in sources for case in self.cases.cases(source, limit=limit)]
        return digest_of([_signature(case) for case in cases])

    def folded(self) -> str | None:
        """Digest of the stored folds; None if a case of the source has none.

        Raises
        ------
        BadInput
            If an external case has one: it would count as held out. If its id, or its patient, is one of
            the source that is trained on too.
        """
        self._require_apart()
        snapshot = self.snapshot()
        stored = (
            {id_: record.marks.get(FOLD) for id_, record in snapshot.manifest.items()} if snapshot else {}
        )
        external = [case.id for source in self.external for case in self.cases.cases(source)]
        if split := [case for case in external if stored.get(case) is not None]:
            raise BadInput(
                f"case {split[0]} of an external source has a fold in {self.place}",
                "A store is split with all that is in it: begin again with another --store.",
            )
        if any(stored.get(case.id) is None for case in self.cases.cases(self.source)):
            return None
        return digest_of(stored)

    def _require_apart(self) -> None:
        """Refuse external cases that the store, or the models, take for ones they know: before any work."""
        ids, patients = {}, {}
        for case in self.cases.cases(self.source) if self.external else ():
            ids[case.id], patients[case.patient] = self.source, case.id
        for source in self.external:
            for case in self.cases.cases(source):
                if (other := ids.setdefault(case.id, source)) != source:
                    raise BadInput(
                        f"case {case.id} is of source {other} and of the external source {source}",
                        "The store keeps one case of each id: name the files otherwise.",
                    )
                if (own := patients.get(case.patient)) is not None:
                    raise BadInput(
                        f"case {case.id} of the external source {source} is of patient {case.patient}, whom "
                        f"the source that is trained on has too (case {own})",
                        "That is no external test: leave the case out; or give two patients an id each.",
                    )

    def built(self) -> str | None:
        """Digest of the view's blocks, also of failed cases; None if a case that is asked for has none."""
        return self.blocks([FEATURES + self.view])

    def blocks(self, names: Iterable[str], *, every: bool = True) -> str | None:
        """Digest of the blocks with these names, also of failed cases; None if there are none of a name.

        `every`: also None if a case that is asked for has none.
        """
        snapshot = self.snapshot()
        records = dict(snapshot.manifest.items()) if snapshot else {}
        asked = [case.id for case in self.cases.cases(self.source, limit=self.limit)]
        found = {}
        for name in names:
            entries = {id_: entry for id_, one in records.items() if (entry := one.blocks.get(name))}
            if not entries or (every and not entries.keys() >= set(asked)):
                return None
            found[name] = {id_: [entry.key, entry.digest, entry.status] for id_, entry in entries.items()}
        return digest_of(found)

    def files(self, names: Sequence[str], also: Sequence[str] = ()) -> str | None:
        """Digest of files in `out`; None if one is missing (of `also` they may be)."""
        there = {name: self.out / name for name in (*names, *also)}
        if not all(there[name].is_file() for name in names):
            return None
        return digest_of({name: digest_of_file(path) for name, path in there.items() if path.is_file()})


def _signature(case: Case) -> list[Any]:
    files = [case.image, *(path for _, path in case.labels)]
    regions = {name: repr(region) for name, region in case.regions.items()}
    return [case.id, case.patient, dict(case.columns), regions, [_stamp(path) for path in files]]


def _stamp(path: Path) -> list[Any]:
    """Path, size and time of a file; of a folder (DICOM) those of its files."""
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    stats = ((file.name, file.stat()) for file in files)
    return [str(path), *((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)]
