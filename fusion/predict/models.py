"""Where trained models lie, and the chains made of them.

<models>/stage1/chain<K>            Stage 1 of fold K
<models>/stage2/<row>/chain<K>      Stage 2 of fold K, a row of the ablation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.data.view import FILE, View
from fusion.predict.chain import Chain
from fusion.predict.ingredients import has_region
from fusion.predict.model import CHECKPOINT
from fusion.predict.permuted import require_stored
from fusion.predict.predictor import FusionPredictor
from fusion.predict.studies import Study
from fusion.regions.models import as_stage1, stage1_of_chain
from fusion.telling import Doing, Say, silent
from fusion.train.job import split_cases
from fusion.train.settings import Folders, chains_in, model_folder
from radstore.errors import BadInput
from radstore.suggest import suggest

if TYPE_CHECKING:
    import torch

    from fusion.regions import Stage1


@dataclass(frozen=True)
class Models:
    """A folder of trained models, and how they are to run.

    Parameters
    ----------
    folder
        That ``fusion train --models`` wrote to.
    row
        The row of the ablation, or what its training was named.
    device
        Where they run.
    step, mirroring, checkpoint
        Of Stage 2, as for `FusionPredictor`; Stage 1 has the defaults, as when regions were predicted.
    engine
        Who computes vector and maps.
    say
        What is told of fallbacks.
    doing
        Told of what is being done.
    """

    folder: Path
    row: str
    device: torch.device
    step: float = 0.5
    mirroring: bool = True
    checkpoint: str = CHECKPOINT
    engine: str = "auto"
    say: Say = silent
    doing: Doing = field(default_factory=Doing)

    @cached_property
    def folds(self) -> list[int]:
        """The folds that the row has a model of, ascending.

        Raises
        ------
        BadInput
            If it has none.
        """
        folder = model_folder(self.folder, 2, self.row, 0).parent
        found = chains_in(folder)
        if not found:
            rows = [path.name for path in sorted(folder.parent.glob("*")) if chains_in(path)]
            raise BadInput(f"{folder} has no model", suggest(self.row, rows, "Trained rows there are"))
        return found

    def chains(self, folds: Sequence[int] | None = None) -> list[Chain]:
        """The chains of some folds, or of all; Stage 2 is loaded now, Stage 1 when a case needs it.

        Raises
        ------
        BadInput
            If a model is missing or cannot be used.
        """
        self._require_chains(folds or ())
        return [self._chain(fold) for fold in folds or self.folds]

    def chains_for(self, studies: Sequence[Study]) -> dict[int, Chain]:
        """Fold → its chain, of all that cases need: each fold's own for its cases, all for one of no fold.

        Stage 1 is loaded too, where a case has no region in a store.

        Raises
        ------
        BadInput
            If a model is missing or cannot be used, was trained on a patient that it should predict, or needs
            the store that a case is not in.
        """
        folds = sorted({fold for study in studies for fold in self.folds_for(study)})
        self._require_chains(folds)
        meant = {fold: [study for study in studies if fold in self.folds_for(study)] for fold in folds}
        for fold in folds:
            self._require_unseen(fold, meant[fold])
        chains = {fold: self._chain(fold) for fold in folds}
        for fold, chain in chains.items():
            if chain.recipe.inputs.permuted:
                for study in meant[fold]:
                    require_stored(study.id, study.stored)
            if not all(has_region(study.stored, chain.recipe) for study in meant[fold]):
                chain.require_stage1()  # missed now, not at its first case
        return chains

    def folds_for(self, study: Study) -> tuple[int, ...]:
        """The chains that have not seen the case's patient: that of its fold, or all."""
        return tuple(self.folds) if study.fold is None else (study.fold,)

    def _require_chains(self, folds: Sequence[int]) -> None:
        missing = sorted(set(folds) - set(self.folds))
        if missing:
            raise BadInput(
                f"{self.folder} has no chain {missing[0]} of row {self.row!r}, which there are cases for",
                f"Train it, or predict fold {' or '.join(map(str, self.folds))} alone with --fold.",
            )

    def _require_unseen(self, fold: int, studies: Sequence[Study]) -> None:
        """Refuse a chain that learnt from patients it should predict: folds may have changed since."""
        known = {study.id: study.patient for study in studies if study.patient is not None}
        stage2 = model_folder(self.folder, 2, self.row, fold)
        trained_on = patients_trained_on(stage2)
        if trained_on is None and known:
            self.say(f"nothing says whom {stage2} was trained on: that it held out fold {fold} is believed")
        seen = sorted(case for case, patient in known.items() if patient in (trained_on or ()))
        if seen:
            raise BadInput(
                f"{stage2} was trained on the patients of {len(seen):,} of the cases that it should predict "
                f"(as {seen[0]})",
                "They were split again since: train it anew, or name the version of then with --version.",
            )

    def _chain(self, fold: int) -> Chain:
        stage2 = self._predictor(model_folder(self.folder, 2, self.row, fold))
        return Chain(stage2, self._first(stage2), self.engine, self.doing)

    def _first(self, stage2: FusionPredictor) -> Callable[[], Stage1]:
        folder = stage1_of_chain(self.folder, stage2.recipe.fold, paper=stage2.recipe.paper_mode)
        # tiles and mirrors as `fusion regions` has them, whatever is asked of Stage 2: else regions differ
        return lambda: as_stage1(FusionPredictor(folder, device=self.device, say=self.say, doing=self.doing))

    def _predictor(self, folder: Path) -> FusionPredictor:
        return FusionPredictor(
            folder,
            device=self.device,
            step=self.step,
            mirroring=self.mirroring,
            checkpoint=self.checkpoint,
            say=self.say,
            doing=self.doing,
        )


def patients_trained_on(folder: Path) -> frozenset[str] | None:
    """The patients that a model was trained on, by the view in its folder; None if that is not there."""
    place = Folders(folder).view
    if not (place / FILE).is_file():
        return None
    view = View.load(place)
    training, _ = split_cases(view)
    return frozenset(view.cases[case].patient for case in training)
