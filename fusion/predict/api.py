"""`predict`: cases in, candidates and scores out. Models are loaded once, cases come and go one by one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fusion.device import AUTO, choose_device
from fusion.predict.candidate_rule import CandidateRule
from fusion.predict.candidates import case_score, lesion_candidates
from fusion.predict.chain import Chain, ChainPrediction, joined
from fusion.predict.doubts import doubts
from fusion.predict.model import CHECKPOINT
from fusion.predict.models import Models
from fusion.predict.origin import Origin
from fusion.predict.predictions import PICTURE, CasePrediction, Predictions, Written
from fusion.predict.probabilities import average
from fusion.predict.studies import Study, find_studies
from fusion.recipe import LABELS
from fusion.telling import Doing, Progress, Say, silent
from radstore.build.outcome import explained
from radstore.images.volume import Volume

if TYPE_CHECKING:
    import os


def predict(
    models: Path | str,
    out: Path | str,
    *,
    inputs: str = "ct+maps+global",
    files: Sequence[Path | str] = (),
    store: str | os.PathLike[str] | None = None,
    version: str | int | None = None,
    catalog: Path | str | None = None,
    source: str | None = None,
    cases: Sequence[str] | None = None,
    fold: int | None = None,
    limit: int | None = None,
    device: str = AUTO,
    step: float = 0.5,
    mirroring: bool = True,
    checkpoint: str = CHECKPOINT,
    engine: str = "auto",
    rule: CandidateRule | None = None,
    probabilities: bool = False,
    pictures: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    say: Say = silent,
    doing: Say = silent,
) -> Predictions:
    """Predict cases with every chain that may: one process, one case at a time.

    A case of a fold is predicted by the chain of that fold alone, which has not seen its patient; any other
    case by all chains, whose probabilities are averaged. What a store has of a case (its image, the chain's
    region, vector and maps) is read from there, the rest is computed. Cases that are in `out` already are
    skipped; those that fail are recorded, and tried again by the next run.

    Parameters
    ----------
    models
        The folder that ``fusion train --models`` wrote to.
    out
        The folder of predictions.
    inputs
        The row of the ablation, or what its training was named.
    files
        CT files, DICOM folders, folders of CT files. Or else:
    store, version
        A store, path or URL, and which version of it; its cases are predicted, unless there is a
    catalog
        whose cases are then meant; the store is by default the one it names.
    source, cases, fold, limit
        Of store or catalog, only this source, these cases, this fold, the first so many.
    device
        ``auto``, ``cpu``, ``cuda``, ….
    step, mirroring, checkpoint
        As for `fusion.predict.predictor.FusionPredictor`.
    engine
        Who computes vector and maps.
    rule
        How candidates are found; by default as published.
    probabilities
        Keep the probability of lesion too.
    pictures
        Draw each case's best slices.
    force
        Replace what other models or settings left in `out`, and other CTs of the same name.
    progress
        Told of each case.
    say
        Told of devices and fallbacks.
    doing
        Told of what is being done, as ``case 7, chain 2 of 5, Stage 2, tile 3 of 20``; see `Doing`.

    Raises
    ------
    BadInput
        If models, device or cases are not there, a chain was trained on a patient that it should predict
        (the cases were split again since), or `out` holds other predictions.
    """
    studies = find_studies(files, store, version, catalog, source=source, cases=cases, fold=fold, limit=limit)
    chosen, why = choose_device(device)
    say(f"predicting on {chosen}: {why}")
    trained = Models(Path(models), inputs, chosen, step, mirroring, checkpoint, engine, say, Doing(doing))
    chains = trained.chains_for(studies)
    rule = rule or CandidateRule()
    origin = _origin(trained, list(chains.values()), rule)
    sources = {study.id: study.source for study in studies}
    done = Predictions.start(out, origin, sources=sources, replacing=say if force else None)
    run = Run(done, chains, rule, probabilities, pictures, trained.doing)
    if progress:
        progress(0, len(studies))
    for at, study in enumerate(studies, start=1):
        folds = trained.folds_for(study)
        if not done.has(study.id, folds):
            run.predict(study, folds)
        if progress:
            progress(at, len(studies))
    return done


@dataclass(eq=False)
class Run:
    """The chains at work, and the folder that their predictions go to.

    Parameters
    ----------
    predictions
        The folder.
    chains
        By fold.
    rule
        How candidates are found.
    probabilities, pictures
        What to keep beside them.
    doing
        Told of each step.
    """

    predictions: Predictions
    chains: dict[int, Chain]
    rule: CandidateRule
    probabilities: bool = False
    pictures: bool = True
    doing: Doing = field(default_factory=Doing)

    def predict(self, study: Study, folds: Sequence[int]) -> None:
        """Predict one case with the chains of some folds; whatever goes wrong with it is recorded."""
        began = time.perf_counter()
        written: Written | None = None
        try:
            with self.doing(study.id):
                prediction, written = self._predict(study, [self.chains[fold] for fold in folds], began)
        except Exception as problem:
            error = explained(problem, study.id, "predict")
            prediction = CasePrediction(None, "failed", study.fold, source=study.source, error=error)
        self.predictions.add(study.id, prediction, written)

    def _predict(self, study: Study, chains: Sequence[Chain], began: float) -> tuple[CasePrediction, Written]:
        with self.doing("reading"):
            ct = study.read()
        found = []
        for at, chain in enumerate(chains, start=1):
            with self.doing(f"chain {at} of {len(chains)}"):
                found.append(chain.predict(ct, study.stored))
        with self.doing("candidates"):
            mean = average([one.probabilities for one in found])
            labels, lesion = mean.labels(), mean.of(LABELS["lesion"])
            detections, candidates = lesion_candidates(lesion, labels, self.rule)
        fallback = any(one.ingredients.status == "fallback" for one in found)
        if self.pictures:
            title = f"{study.id}, fallback region" if fallback else study.id
            with self.doing("picture"):
                self._draw(study.id, title, ct, _regions(found), lesion, detections)
        said = {chain.fold: one.notes for chain, one in zip(chains, found, strict=True)}
        prediction = CasePrediction(
            score=case_score(candidates),
            status="fallback" if fallback else "ok",
            fold=study.fold,
            chains=tuple(chain.fold for chain in chains),
            source=study.source,
            candidates=tuple(candidates),
            notes=(*doubts(ct), *joined(said)),
            seconds=round(time.perf_counter() - began, 3),
        )
        return prediction, Written(detections, labels, lesion if self.probabilities else None)

    def _draw(
        self, case: str, title: str, ct: Volume, region: Volume, lesion: Volume, detections: Volume
    ) -> None:
        from fusion.predict.picture import picture

        path = self.predictions.path(case, PICTURE)
        picture(ct, path, region=region, probability=lesion, candidates=detections, title=title)


def _origin(models: Models, chains: Sequence[Chain], rule: CandidateRule) -> Origin:
    first = chains[0].recipe
    used = [
        {
            "fold": chain.fold,
            "folder": str(chain.stage2.folder),
            "digest": chain.stage2.digest,
            "protocol": list(chain.recipe.protocol),
        }
        for chain in chains
    ]
    settings = {
        "step": models.step,
        "mirroring": models.mirroring,
        "checkpoint": models.checkpoint,
        "candidates": rule.to_json(),
        "paper_mode": first.paper_mode,
    }
    return Origin(models.row, 2, used, first.spec_hash, settings)


def _regions(found: Sequence[ChainPrediction]) -> Volume:
    """Where any chain looked for vector and maps."""
    regions = [one.ingredients.region for one in found]
    union = np.logical_or.reduce([region.array != 0 for region in regions])
    return Volume(union.astype(np.uint8), regions[0].geometry, regions[0].source)
