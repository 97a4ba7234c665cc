"""Where a network looks: the attention of the global vector over a case, as a map in the CT's geometry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fusion.predict.bound import Looking
from fusion.predict.chain import Chain, joined
from fusion.predict.ingredients import Ingredients
from fusion.predict.probabilities import full_grid
from radstore.errors import BadInput, CaseError
from radstore.images.volume import Volume
from radstore.images.write import write_volume

if TYPE_CHECKING:
    from fusion.predict.models import Models
    from fusion.predict.predictor import FusionPredictor
    from fusion.predict.studies import Study
    from fusion.samples import Sample
    from radstore.store.query import CaseView

MAP, PICTURE = "attention.nii.gz", "attention.png"
NO_VECTOR = "there is no vector of this case: the map shows where the token for a missing one looks"
NAME, CAPTION = "1: as if all were looked at alike", "attention of the global vector"


@dataclass(frozen=True)
class Written:
    """What was written for a case.

    Parameters
    ----------
    map, picture
        Files.
    notes
        What was not as usual: of each chain as a prediction has it, and that there was no vector.
    """

    map: Path
    picture: Path
    notes: tuple[str, ...] = ()


def attention_map(chain: Chain, ct: Volume, stored: CaseView | None = None) -> tuple[Volume, Ingredients]:
    """Where a chain looks in a case.

    The mean over heads of the softmax weights of the cross-attention, times the number of bottleneck voxels
    of a tile, so that 1 is what each voxel would have if all were looked at alike. Tiles and mirrors are
    averaged as those of a prediction; from the bottleneck's voxels to the CT's it is interpolated linearly.

    Parameters
    ----------
    chain
        Of a row with a vector.
    ct, stored
        As for `Chain.predict`.

    Returns
    -------
    map, given
        float32 in the CT's full grid, NaN outside the ROI; and what it rests on: region, vector, maps.

    Raises
    ------
    BadInput
        If the row has no vector: nothing looks then.
    CaseError
        If the case cannot be predicted.
    """
    predictor = chain.stage2
    if not chain.recipe.inputs.vector:
        raise BadInput(
            f"row {chain.recipe.inputs.name!r} has no attention",
            "Name a row with a vector, as ct+maps+global.",
        )
    given = chain.ingredients(ct, stored)
    sample = chain.sample(ct, given)
    image = predictor.recipe.network_input(sample.data, sample.names, sample.region)
    looking = Looking(predictor.network, given.numbers.vector, len(predictor.recipe.vector))
    with chain.doing("attention"):
        found, _ = predictor.slide(looking, torch.from_numpy(image))
    return _in_ct(found, sample, predictor, ct), given


def export_attention(
    models: Models, studies: Sequence[Study], out: Path | str
) -> Iterator[tuple[Study, Written | CaseError]]:
    """Write each case's attention as a map and a picture; gives what was written, or why nothing was.

    A case of a fold is looked at by that fold's chain, any other by all, whose maps are averaged.

    Parameters
    ----------
    out
        A folder: ``<case>.attention.nii.gz``, 0 outside the ROI, and ``<case>.attention.png``.

    Raises
    ------
    BadInput
        As `attention_map` and `Models.chains_for`.
    """
    chains = models.chains_for(studies)
    for study in studies:
        meant = [chains[fold] for fold in models.folds_for(study)]
        try:
            with models.doing(study.id):
                made = _export(study, meant, Path(out))
        except CaseError as error:
            yield study, error
        else:
            yield study, made


def _export(study: Study, chains: Sequence[Chain], out: Path) -> Written:
    from radstore.report.slices import case_figure

    ct = study.read()
    found = [attention_map(chain, ct, study.stored) for chain in chains]
    mean = _mean([volume for volume, _ in found])
    path = write_volume(replace(mean, array=np.nan_to_num(mean.array)), out / f"{study.id}.{MAP}")
    drawn = out / f"{study.id}.{PICTURE}"
    given = [one for _, one in found]
    fallback = any(one.status == "fallback" for one in given)
    title = f"{study.id}, fallback region" if fallback else study.id
    case_figure(ct, mean, given[0].region, drawn, feature=NAME, title=title, caption=CAPTION)
    said = {chain.fold: _notes(one) for chain, one in zip(chains, given, strict=True)}
    return Written(path, drawn, joined(said))


def _notes(given: Ingredients) -> tuple[str, ...]:
    blind = (NO_VECTOR,) if given.numbers.vector is None else ()
    return (*given.notes, *given.numbers.notes, *blind)


def _in_ct(found: torch.Tensor, sample: Sample, predictor: FusionPredictor, ct: Volume) -> Volume:
    """From the network's grid to the CT's, as nnU-Net's exporter takes probabilities there."""
    plans: Any = predictor.plans_manager
    properties = sample.properties
    mean = found.float().mean(dim=0, keepdim=True)
    spacing = [properties["spacing"][axis] for axis in plans.transpose_forward]
    resampled = predictor.configuration_manager.resampling_fn_probabilities(
        mean,
        properties["shape_after_cropping_and_before_resampling"],
        predictor.configuration_manager.spacing,
        spacing,
    )
    back = plans.transpose_backward
    z, y, x = (slice(*map(int, properties["bbox_used_for_cropping"][axis])) for axis in back)
    array = np.asarray(resampled[0], np.float32).transpose(back)
    full = np.full(full_grid(properties, back).shape, np.nan, np.float32)
    full[z, y, x] = array
    return Volume(full, ct.geometry, ct.source)


def _mean(volumes: Sequence[Volume]) -> Volume:
    """Over the chains that look at a voxel; NaN where none does."""
    arrays = np.stack([volume.array for volume in volumes])
    seen = np.isfinite(arrays).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = (np.nansum(arrays, axis=0) / seen).astype(np.float32)  # 0 / 0 is NaN, as it should be
    return Volume(mean, volumes[0].geometry, volumes[0].source)
