"""`Recipe`: everything a model must know to make its inputs of a case. It travels in the plans.

The recipe stands as plain JSON under ``plans["fusion"]``, so every checkpoint and every ``plans.json`` of a
model folder carries it: which row of the ablation, which spec, which channels with which statistics. Training
and prediction make the network's input with the same method of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fusion.inputs import Inputs
from fusion.protocol import CHAIN, NESTED, PAPER, SELECTION, Protocol
from fusion.roi import Roi
from radstore.errors import BadInput

KEY = "fusion"  # of the recipe in the plans
CT = "CT"
REGION = "region"
LABELS: Mapping[str, int] = {
    "background": 0,
    "lesion": 1,
    "veins": 2,
    "arteries": 3,
    "parenchyma": 4,
    "duct": 5,
    "bile_duct": 6,
}
"""PANORAMA's structures."""
PANCREAS = (1, 4, 5)
"""The labels that make up the pancreas with what grows in it."""
NO_FOLD = -1
"""As `Recipe.fold`: no fold is held out (paper mode, one plan for all folds)."""


@dataclass(frozen=True)
class Channel:
    """A map or a number of the vector, with what standardises it.

    Parameters
    ----------
    name
        The feature's name.
    mean, sd
        Over the training cases of the fold: of a map inside the region, of a number over the cases. In the
        feature's unit; `sd` is positive.
    """

    name: str
    mean: float
    sd: float

    def standard(self, values: np.ndarray) -> np.ndarray:
        """(value − mean) / sd, NaN and infinities → 0: the mean of the training cases; a new array."""
        made = np.asarray(values - self.mean)
        made /= self.sd
        finite = np.isfinite(made)
        if not finite.all():
            bits = made.view(f"i{made.itemsize}")
            bits *= finite  # all bits 0 is 0.0; a third of the time of `numpy.nan_to_num`
        return made


@dataclass(frozen=True)
class Recipe:
    """Everything a model must know to make its inputs of a case.

    Parameters
    ----------
    stage
        1: the whole CT, coarse; 2: the ROI.
    fold
        Which fold is held out; its cases are neither in the statistics nor in the training.
    inputs
        Which row of the ablation; Stage 1 has ``ct``.
    labels
        Structure → label, as in ``dataset.json``.
    roi
        Of Stage 2.
    region
        The stored region that maps and vector were computed in; empty for Stage 1.
    view
        The view of the store (spec@region) they came from; empty where there is none.
    spec
        The document of the spec (`radstore.spec.Spec.document`); empty where there is none.
    spec_hash
        Its hash: inputs of another spec are refused.
    maps, vector
        The channels behind the CT, and the global vector, in order, standardised by the training cases.
    paper_mode
        Whether one selection and one Stage 1 served all folds: then scores are optimistic.
    store
        Location and version of what it was trained from.
    region_rule
        Of Stage 1: how its labels become a region (`fusion.regions.RegionRule.to_json`), with the fallback
        that was fitted on its training cases; empty: the default rule.
    without
        Of Stage 1 in nested chains: folds left out of plan and training beside `fold`.
    split
        Id of the split that the folds come from (`radstore.store.manifest.SPLIT`): after another one, "fold
        2" means other cases. Empty where no fold is held out.
    samples
        Digest of how the plan prepares a case (`fusion.samples.preparation.digest`): samples that an earlier
        plan of this name made otherwise are refused. Empty: not checked.
    nested
        Of Stage 2: whether no model of a training case's region saw the labels of `fold` either.
    unknown_selection
        Whether nothing tells which cases' labels chose the features.
    """

    stage: int
    fold: int
    inputs: Inputs = field(default_factory=lambda: Inputs("ct"))
    labels: Mapping[str, int] = field(default_factory=lambda: dict(LABELS))
    roi: Roi = field(default_factory=Roi)
    region: str = ""
    view: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    spec_hash: str = ""
    maps: tuple[Channel, ...] = ()
    vector: tuple[Channel, ...] = ()
    paper_mode: bool = False
    store: str = ""
    region_rule: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[int, ...] = ()
    split: str = ""
    samples: str = ""
    nested: bool = False
    unknown_selection: bool = False

    @property
    def held_out(self) -> tuple[int, ...]:
        """The folds that neither give a number to the plan nor are trained on, ascending."""
        return tuple(sorted({self.fold, *self.without} - {NO_FOLD}))

    @property
    def protocol(self) -> Protocol:
        """How out of fold its scores are, in words of `fusion.protocol`; of Stage 1 only paper mode."""
        if self.stage == 1:
            return (PAPER,) if self.paper_mode else ()
        mode = PAPER if self.paper_mode else NESTED if self.nested else CHAIN
        chosen = self.inputs.maps or self.inputs.vector
        return (mode, SELECTION) if chosen and self.unknown_selection else (mode,)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the network's input channels, in order."""
        maps = tuple(channel.name for channel in self.maps) if self.inputs.maps else ()
        return (CT, *maps, *((REGION,) if self.inputs.region else ()))

    def network_input(self, data: np.ndarray, names: Sequence[str], region: np.ndarray | None) -> np.ndarray:
        """The network's input of a sample, or of a box of it. Training and prediction both come here.

        Parameters
        ----------
        data
            float32 (channel, z, y, x): CT as the plans normalise it, maps in their units, NaN outside.
        names
            What its channels are; they are found by name.
        region
            uint8 (z, y, x) on the same voxels; needed where the region is a channel.

        Returns
        -------
        numpy.ndarray
            float32 (`channels`, z, y, x), without NaN; maps standardised, 0 where they are undefined.

        Raises
        ------
        BadInput
            If a channel is missing.
        """
        places = {name: place for place, name in enumerate(names)}
        made = np.empty((len(self.channels), *data.shape[1:]), np.float32)
        for into, name in zip(made, self.channels, strict=True):
            if name == REGION and region is not None:
                into[...] = self.channel_input(name, region)
            elif name in places:
                into[...] = self.channel_input(name, data[places[name]])
            else:
                raise BadInput(
                    f"the sample has no channel {name!r} (it has {', '.join(names)})",
                    "Make samples and model from the same spec.",
                )
        return made

    def channel_input(self, name: str, values: np.ndarray) -> np.ndarray:
        """One channel of `network_input`, of any voxels of it: maps standardised, the others as they are.

        Parameters
        ----------
        values
            The sample's, of any shape.
        """
        channel = self._maps_by_name.get(name)
        return values if channel is None else channel.standard(values)

    @cached_property
    def _maps_by_name(self) -> dict[str, Channel]:
        return {channel.name: channel for channel in self.maps}

    def network_vector(self, values: Mapping[str, float]) -> np.ndarray:
        """The network's vector of a case, float32 (`vector`,): standardised, undefined numbers 0.

        Raises
        ------
        BadInput
            If a number is missing.
        """
        missing = [channel.name for channel in self.vector if channel.name not in values]
        if missing:
            raise BadInput(f"the vector has no {missing[0]!r}", "Make vector and model from the same spec.")
        numbers = [channel.standard(np.asarray(values[channel.name], np.float64)) for channel in self.vector]
        return np.asarray(numbers, np.float32)

    def for_row(self, inputs: Inputs) -> Recipe:
        """The same for another row: what the row does not use stays described and is not given."""
        return replace(self, inputs=inputs)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the plans."""
        return asdict(self) | {"inputs": self.inputs.name}

    @classmethod
    def from_plans(cls, plans: Mapping[str, Any]) -> Recipe:
        """The recipe in the plans of a model.

        Raises
        ------
        BadInput
            If the plans have none: the model is plain nnU-Net's.
        """
        if KEY not in plans:
            raise BadInput(
                f"the plans have no {KEY!r} part: this model was not trained by `fusion`",
                "Use `nnUNetv2_predict` for it, or start from it with `fusion train --init-from`.",
            )
        return cls.from_json(plans[KEY])

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:
        """The inverse of `to_json`."""
        x, y, z = value["roi"]["mm"]
        parts: dict[str, Any] = dict(value) | {
            "inputs": Inputs(value["inputs"]),
            "roi": Roi(value["roi"]["rule"], (x, y, z)),
            "without": tuple(value.get("without", ())),
            "maps": tuple(Channel(**channel) for channel in value["maps"]),
            "vector": tuple(Channel(**channel) for channel in value["vector"]),
        }
        return cls(**parts)
