"""`Cohort`: one phantom cohort of the experiment, from its catalog to plans and samples of Stage 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipelines.signal_design import ALL_FEATURES, COHORTS, MAP_SETTINGS, REGION, STAND_IN, Design
from radstore.errors import BadInput
from radstore.output_file import writing
from radstore.spec import Spec, load_spec
from radstore.store.query import open_store

Json = dict[str, Any]
READY = "ready.json"


@dataclass(frozen=True)
class Cohort:
    """One phantom cohort: where everything of it lies, and how it is made ready for training.

    Parameters
    ----------
    design
        What is held fixed.
    name
        One of `COHORTS`.
    folder
        Of everything.
    """

    design: Design
    name: str
    folder: Path

    @property
    def catalog(self) -> Path:
        """Its file; `prepare` writes it."""
        return self.folder / "catalog.yaml"

    @property
    def store(self) -> Path:
        """Its store."""
        return self.folder / "store"

    @property
    def models(self) -> Path:
        """Plans and models."""
        return self.folder / "models"

    def predictions(self, row: str, seed: int) -> Path:
        """Of a row and a seed, all held-out cases."""
        return self.folder / "predictions" / row / f"seed{seed}"

    def prepare(self, jobs: int | None = None, say: Callable[[str], None] = print) -> Json:
        """Phantom, folds, features; a selection, maps, plan and samples a fold. Skipped if it was done.

        Returns
        -------
        dict
            ``features``: fold → the list of its maps and vector; ``stand_in``: the folds whose selection
            found nothing; ``svm``: held-out case → decision value of a linear SVM on that vector.

        Raises
        ------
        BadInput
            If a case fails.
        """
        ready = self.folder / READY
        if ready.is_file():
            say(f"{self.name}: prepared before")
            return dict(json.loads(ready.read_text(encoding="utf-8")))
        self._catalogue()
        self._features(jobs, say)
        found: Json = {"features": {}, "stand_in": [], "svm": {}}
        for fold in range(self.design.tested):
            spec, selected = self._selected(fold, jobs, say)
            self._plan(spec, fold, jobs, say)
            found["features"][str(fold)] = list(spec.names)
            found["stand_in"] += [] if selected else [fold]
            found["svm"] |= self._svm(spec, fold)
        with writing(ready) as aside:
            aside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return found

    def _catalogue(self) -> None:
        design = self.design
        arguments = {"cases": design.cases, "seed": design.phantom, "signal": COHORTS[self.name]}
        source = {
            "driver": "phantom",
            "args": arguments | {"folder": str(self.folder.resolve() / "images")},
            "regions": {REGION: [1, 4, 5], "lesion": [1]},
        }
        document = {"store": str(self.store.resolve()), "sources": {self.name: source}}
        with writing(self.catalog) as aside:
            aside.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def _features(self, jobs: int | None, say: Callable[[str], None]) -> None:
        from radstore.split import split

        say(f"{self.name}: {self.design.cases} cases, folds")
        split(catalog=self.catalog, k=self.design.folds, jobs=jobs)
        self._build(load_spec(ALL_FEATURES), jobs, say)

    def _build(self, spec: Spec, jobs: int | None, say: Callable[[str], None]) -> None:
        from radstore.build import build

        say(f"{self.name}: building {spec.name}")
        report = build(spec, catalog=self.catalog, region=REGION, workers=jobs, check=False)
        if report.failed:
            case, error = next(iter(report.failed.items()))
            raise BadInput(
                f"{len(report.failed)} cases failed, such as {case}: {error['message']}", error["remedy"]
            )

    def _selected(self, fold: int, jobs: int | None, say: Callable[[str], None]) -> tuple[Spec, bool]:
        """The list of a fold, chosen on its training cases; the one that stands in if nothing was."""
        from radstore.select import select

        out = self.folder / f"selected.fold{fold}.yaml"
        view = f"{load_spec(ALL_FEATURES).name}@{REGION}"
        report = select(self.store, view=view, fold=fold, jobs=jobs, out=out, force=True)
        found = bool(report.selection.features)
        chosen = "nothing: the list that stands in" if not found else ", ".join(report.selection.features)
        say(f"{self.name}: fold {fold} selects {chosen}")
        return load_spec(out if found else STAND_IN, list(MAP_SETTINGS)), found

    def _plan(self, spec: Spec, fold: int, jobs: int | None, say: Callable[[str], None]) -> None:
        from fusion.plan import plan

        self._build(spec, jobs, say)
        say(f"{self.name}: fold {fold}, plan and samples")
        report = plan(
            2,
            fold,
            models=self.models,
            catalog=self.catalog,
            features=spec,
            region=REGION,
            roi=self.design.roi,
            overrides=self.design.overrides,
            paper=True,  # of the region alone: it is drawn; the list has not seen the fold
            jobs=jobs,
        )
        if report.failed:
            raise BadInput(
                f"{len(report.failed)} samples failed: {report.failed}", "Run the experiment again."
            )

    def _svm(self, spec: Spec, fold: int) -> dict[str, float]:
        """What the vector alone says of the held-out cases, by the model of a selection."""
        from radstore.select import Options, cohort_of
        from radstore.select.procedure import fitted

        table = open_store(str(self.store)).table(f"{spec.name}@{REGION}")
        cohort = cohort_of(table, features=spec.names)
        if cohort.folds is None:
            raise BadInput(f"{self.store}: no case has a fold", "Run the experiment again in another folder.")
        train, held_out = cohort.only(cohort.folds != fold), cohort.only(cohort.folds == fold)
        model = fitted(train.values, train.positive, tuple(range(len(train.features))), Options())
        decided = np.asarray(model.decision_function(held_out.values), float)
        return dict(zip(held_out.cases.tolist(), decided.tolist(), strict=True))
