"""`FusionPredictor`: one model folder, ready to predict samples; nnU-Net's predictor with a case's vector.

One vector serves all tiles and mirrors of its case. What does not fit on the GPU is tried again with less
(`fusion.predict.tiles`); each time that is said aloud, and told in the result.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

import fusion.nnunet  # noqa: F401

# isort: split
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from fusion.predict.bound import Bound
from fusion.predict.model import CHECKPOINT, Model
from fusion.predict.probabilities import Probabilities, in_ct
from fusion.predict.tiles import Ladder, Rung, rungs_of
from fusion.telling import Doing, Say, silent
from radstore.errors import BadInput, CaseError

if TYPE_CHECKING:
    from fusion.samples.sample import Sample

EDGE = 1 / 8  # sigma of the Gaussian that tiles are weighted with, in tile sizes; nnU-Net's own, as is SCALE
SCALE = 10


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model says of a sample.

    Parameters
    ----------
    probabilities
        In the CT's grid.
    notes
        What was not as asked: less memory, another device.
    """

    probabilities: Probabilities
    notes: tuple[str, ...] = ()


class FusionPredictor(nnUNetPredictor):  # type: ignore[misc]
    """nnU-Net's sliding window over one trained model, bound to a case's vector.

    Parameters
    ----------
    folder
        The model folder, see `Model.load`.
    device
        Where to run, e.g. of `fusion.device.choose_device`.
    step
        Of the tiles, in tile sizes.
    mirroring
        Whether to average over mirrored tiles, along the axes that the checkpoint allows.
    checkpoint
        File name within ``fold_K``.
    say
        What is told of fallbacks; they stand in the result too.
    doing
        Told of each tile.

    Raises
    ------
    BadInput
        If the folder is no model of ours, or its checkpoint belongs to another network.
    """

    network: nn.Module
    device: torch.device
    configuration_manager: ConfigurationManager

    def __init__(
        self,
        folder: Path | str,
        *,
        device: torch.device,
        step: float = 0.5,
        mirroring: bool = True,
        checkpoint: str = CHECKPOINT,
        say: Say = silent,
        doing: Doing | None = None,
    ) -> None:
        if not 0 < step <= 1:
            raise BadInput(f"a tile step of {step:g}", "Give a part of the tile, such as 0.5.")
        with contextlib.redirect_stdout(io.StringIO()):  # that the processor is not a GPU
            super().__init__(
                tile_step_size=step,
                use_mirroring=mirroring,
                perform_everything_on_device=False,  # `fusion.predict.tiles` says where results are summed
                device=device,
                allow_tqdm=False,
            )
        self.folder = Path(folder)
        self.doing = doing or Doing()
        model = Model.load(self.folder, checkpoint)
        self.recipe, self.digest = model.recipe, model.digest
        self.manual_initialization(
            model.network,
            model.plans,
            model.configuration,
            None,
            model.dataset_json,
            model.trainer,
            model.mirrored,
        )
        configuration = self.configuration_manager
        rungs = rungs_of(str(device), configuration.patch_size, configuration.pool_op_kernel_sizes)
        self.ladder = Ladder(rungs, str(folder), say)

    def predict(self, sample: Sample, vector: np.ndarray | None = None) -> Predicted:
        """The probabilities of a case, in its CT's grid.

        Parameters
        ----------
        sample
            The case on the network's grid.
        vector
            float32, of `Recipe.network_vector`; None: the network is told that it is missing. Rows without
            a vector do not look at it.
        """
        image = self.recipe.network_input(sample.data, sample.names, sample.region)
        logits, notes = self.logits(torch.from_numpy(image), vector)
        found = in_ct(
            logits, sample.properties, self.plans_manager, self.configuration_manager, self.label_manager
        )
        return Predicted(found, notes)

    def logits(self, image: torch.Tensor, vector: np.ndarray | None) -> tuple[torch.Tensor, tuple[str, ...]]:
        """The network's logits, half (class, z, y, x) on the host, and what was not as asked.

        Parameters
        ----------
        image
            float32 (channel, z, y, x), the network's input.
        vector
            As for `predict`.
        """
        if not self.recipe.inputs.vector:
            return self.slide(self.network, image)
        return self.slide(Bound(self.network, vector, len(self.recipe.vector)), image)

    def slide(self, network: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, tuple[str, ...]]:
        """What any network gives over the tiles of an image, half (channel, z, y, x) on the host; and notes.

        Parameters
        ----------
        network
            Takes (1, channel, z, y, x) and gives as many voxels.
        image
            float32 (channel, z, y, x).

        Raises
        ------
        CaseError
            If what it gives is not finite.
        """

        def attempt(rung: Rung) -> torch.Tensor:
            with self._standing_on(rung), self._running(network):
                return self.predict_sliding_window_return_logits(image).cpu()

        found, notes = self.ladder.run(attempt)
        return self._finite(found), notes

    def _finite(self, logits: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(logits).all():
            raise CaseError(
                f"{self.folder} gives NaN or infinite logits for this case",
                "Look at its CT and its features for absurd values; or train with a smaller learning rate.",
            )
        return logits

    @contextlib.contextmanager
    def _standing_on(self, rung: Rung) -> Iterator[None]:
        """Run as a rung says, and as before afterwards."""
        configuration, device = self.configuration_manager, self.device
        self._rung, self.device = rung, torch.device(rung.device)
        tile = {"patch_size": list(rung.tile)}
        self.configuration_manager = ConfigurationManager({**configuration.configuration, **tile})
        try:
            yield
        finally:
            self.configuration_manager, self.device = configuration, device

    @contextlib.contextmanager
    def _running(self, network: nn.Module) -> Iterator[None]:
        """Slide with this network instead of the model's own."""
        own = self.network
        self.network = network
        try:
            yield
        finally:
            self.network = own

    @torch.inference_mode()
    def _internal_predict_sliding_window_return_logits(
        self, data: torch.Tensor, slicers: Sequence[Any], do_on_device: bool = True
    ) -> torch.Tensor:
        """nnU-Net's sum over tiles, in one thread.

        The stock method feeds tiles from a second thread. When memory runs out that thread stays, with the
        case's tensors on the GPU, or the loop waits for it for ever.
        """
        results = torch.device(self._rung.results)
        data = data.to(results)
        weight = compute_gaussian(
            tuple(self._rung.tile), sigma_scale=EDGE, value_scaling_factor=SCALE, device=results
        )
        total = torch.empty(0)  # of as many channels as the network turns out to give
        weights = torch.zeros(data.shape[1:], dtype=torch.half, device=results)
        for at, tile in enumerate(slicers, start=1):
            with self.doing(f"tile {at:,} of {len(slicers):,}"):
                there = torch.clone(data[tile][None], memory_format=torch.contiguous_format).to(self.device)
                found = self._internal_maybe_mirror_and_predict(there)[0].to(results)
            if not len(total):
                total = torch.zeros((len(found), *data.shape[1:]), dtype=torch.half, device=results)
            total[tile] += found * weight
            weights[tile[1:]] += weight
        return torch.div(total, weights, out=total)
