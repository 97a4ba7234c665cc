"""`FusionTrainer`: nnU-Net's trainer, whose samples come from a store and bring their own vectors.

nnU-Net's steps, loss, schedule, logs and files are its own. What differs, and why:

- Samples are read from a store, and which are held out stands in the view (`do_split`).
- Each image of a batch is given the vector of its own case (`_with_vectors`), which is withheld now and then.
- Intensities of the CT alone are augmented: a map in units of the cohort has no brightness of its own. Space
  is augmented for all, with small rotations, since wavelet bands and LBP are directional: a turned map is not
  the map of the turned image. Mirroring stays nnU-Net's, for every row alike, though it is not exact either.
- AdamW, under which a modulation that begins as zeros moves; nnU-Net's SGD is the outside reference.
- Each batch of patches is drawn from a seed of its own, in whatever process: all rows of a seed see the same
  patches, and a killed training goes on as if it had not been.
- Checkpoints hold tensors and plain Python only, so they load with ``weights_only=True``, and appear whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import fusion.nnunet  # noqa: F401  (before nnunetv2)

# isort: split
import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from torch import nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel

from fusion.data.dataset import StoreDataset
from fusion.data.view import View
from fusion.network import Batch, FusedUNet
from fusion.train.augmentation import intensities_of_ct
from fusion.train.checkpoints import write_plain
from fusion.train.job import split_cases
from fusion.train.log import TrainingLog
from fusion.train.patches import Drawn, in_order, preparing, seeded
from fusion.train.settings import FOLDERS, Epoch, Training

SCALES = (0.85, 1.25)
"""For which zooms nnU-Net reads a larger patch."""


class FusionTrainer(nnUNetTrainer):  # type: ignore[misc]
    """Trains a row of the ablation; `plans` say all of it, as nnU-Net wants it.

    Parameters
    ----------
    plans
        nnU-Net's, with recipe (`fusion.recipe.KEY`), settings (`fusion.train.settings.KEY`),
        ``continue_training`` and `FOLDERS`; the last two are taken out.
    configuration, fold, dataset_json
        nnU-Net's.
    device
        Of this process; nothing is guessed from a rank, so a rank may have the CPU or any GPU.
    """

    my_init_kwargs: dict[str, Any]
    _best_ema: float | None

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device,
    ) -> None:
        self._device, self.folders = device, plans.pop(FOLDERS)
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.settings = Training.from_plans(plans)
        self.preprocessed_dataset_folder_base = str(self.folders.data)
        self.preprocessed_dataset_folder = str(self.folders.view)
        self.dataset_class: type = StoreDataset
        self.initial_lr, self.weight_decay = self.settings.learning_rate, self.settings.weight_decay
        self.num_epochs, self.save_every = self.settings.epochs, self.settings.save_every
        self.num_iterations_per_epoch = self.settings.steps
        self.num_val_iterations_per_epoch = self.settings.validation_steps
        self.logger.local_logger = TrainingLog(self.num_epochs)
        self.vectors: dict[str, torch.Tensor | None] = {}
        self._seed = self.settings.seed, self.local_rank
        self._chance = torch.Generator()  # its own: patches may be drawn here from torch's
        self.progress: Callable[[Epoch], None] = lambda epoch: None

    @property
    def device(self) -> torch.device:
        """The device that was given; what nnU-Net would make of a rank is not taken."""
        return self._device

    @device.setter
    def device(self, _: torch.device) -> None:
        pass

    @property
    def output_folder_base(self) -> str:
        """The model folder that was given; what nnU-Net would make of its environment is not taken."""
        return str(self.folders.model)

    @output_folder_base.setter
    def output_folder_base(self, _: str) -> None:
        pass

    @property
    def module(self) -> nn.Module:
        """The network, without what compiles or distributes it."""
        network = _undistributed(self.network)
        return network._orig_mod if isinstance(network, OptimizedModule) else network

    # Building

    def initialize(self) -> None:
        """Network on the device, optimiser, loss; as nnU-Net's, without guessing a dataset or a GPU."""
        self._set_batch_size_and_oversample()
        managers = self.plans_manager, self.configuration_manager
        self.num_input_channels = determine_num_input_channels(*managers, self.dataset_json)
        channels = self.num_input_channels, self.label_manager.num_segmentation_heads
        torch.manual_seed(self.settings.seed)  # the same U-Net for every row with these channels
        network = self.build_network_architecture(*managers, *channels, self.enable_deep_supervision)
        self.network = network.to(self.device)
        self.loss = self._build_loss()
        if self._do_i_compile():
            self.network = torch.compile(self.network)
        self.optimizer, self.lr_scheduler = self.configure_optimizers()
        if self.is_ddp:
            gpu = [self.device.index] if self.device.type == "cuda" else None
            self.network = DistributedDataParallel(self.network, device_ids=gpu)
        self.was_initialized = True

    def _do_i_compile(self) -> bool:
        return super()._do_i_compile() if self.settings.compile is None else self.settings.compile

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, PolyLRScheduler]:
        """AdamW over all parameters with nnU-Net's schedule; nnU-Net's SGD where the settings ask for it."""
        if self.settings.stock:
            return super().configure_optimizers()
        weights = self.network.parameters()
        optimizer = torch.optim.AdamW(weights, self.initial_lr, weight_decay=self.weight_decay)
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    # Samples

    def do_split(self) -> tuple[list[str], list[str]]:
        """The cases of the view that other folds hold out, and those that this one does."""
        return split_cases(View.load(self.folders.view))

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """nnU-Net's, whose vectors are read once."""
        datasets = super().get_tr_and_val_datasets()
        if isinstance(self.module, FusedUNet):
            for dataset in datasets:
                found = {case: dataset.vector(case) for case in dataset.identifiers}
                self.vectors |= {case: None if v is None else torch.as_tensor(v) for case, v in found.items()}
        return datasets

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, ...]:  # noqa: N802
        """nnU-Net's, with the settings' rotation, and no larger a patch read than that one needs."""
        shipped = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        if self.settings.stock:
            return shipped
        _, in_plane, read, mirror = shipped
        most = float(np.deg2rad(self.settings.rotation))
        enough = get_patch_size(self.configuration_manager.patch_size, most, most, most, SCALES)
        return (-most, most), in_plane, np.minimum(read, enough), mirror

    def get_dataloaders(self) -> tuple[Any, Any]:
        """nnU-Net's, whose batches come in order, each from its own seed, from this epoch's first on."""
        processes, gpu, epoch = get_allowed_n_proc_DA(), self.device.type == "cuda", self.current_epoch
        with preparing(0):
            training, held_out = (alone.data_loader for alone in super().get_dataloaders())
        first, first_held_out = epoch * self.settings.steps, epoch * self.settings.validation_steps
        return (
            in_order(training, (*self._seed, Drawn.PATCHES), first, processes, gpu),
            in_order(held_out, (*self._seed, Drawn.HELD_OUT), first_held_out, -(-processes // 2), gpu),
        )

    @staticmethod
    def get_training_transforms(*args: Any, **kwargs: Any) -> BasicTransform:
        """nnU-Net's; those of intensities see the CT only."""
        return intensities_of_ct(nnUNetTrainer.get_training_transforms(*args, **kwargs))

    # Steps

    def on_train_epoch_start(self) -> None:
        """nnU-Net's; what its steps draw has the epoch's own seed."""
        super().on_train_epoch_start()
        self._chance.manual_seed(seeded(*self._seed, Drawn.STEPS, self.current_epoch))

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """nnU-Net's, with each sample's own vector."""
        return super().train_step(self._with_vectors(batch, self.settings.missing))

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """nnU-Net's, with each sample's own vector."""
        return super().validation_step(self._with_vectors(batch, withheld=0.0))

    def _with_vectors(self, batch: dict[str, Any], withheld: float) -> dict[str, Any]:
        if not isinstance(self.module, FusedUNet):
            return batch
        nothing = torch.zeros(self.module.fusion.vector_size)  # (V,)
        own = [self.vectors[case] for case in batch["keys"]]  # B of (V,) or None
        present = torch.tensor([vector is not None for vector in own])  # (B,)
        present &= torch.rand(len(own), generator=self._chance) >= withheld
        vector = torch.stack([nothing if vector is None else vector for vector in own])  # (B, V)
        return batch | {"data": Batch(batch["data"], vector, present)}

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """nnU-Net's; a structure in none of the patches has no Dice (NaN), without a warning."""
        with np.errstate(invalid="ignore"), warnings.catch_warnings():  # 0 / 0, and the mean of nothing else
            warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
            super().on_validation_epoch_end(val_outputs)

    def on_epoch_end(self) -> None:
        """nnU-Net's, and word to who listens."""
        self._best_ema = None if np.isnan(self._best_ema or 0.0) else self._best_ema  # nothing beats NaN
        super().on_epoch_end()
        self.progress(Epoch.of_log(self.logger.get_checkpoint(), self.current_epoch, self.num_epochs))

    def on_train_end(self) -> None:
        """nnU-Net's; then lets go of the group of processes, which may end now."""
        super().on_train_end()
        self.network = _undistributed(self.network)

    # Files

    def save_checkpoint(self, filename: str) -> None:
        """nnU-Net's content, as tensors and plain Python; the file appears whole or not at all.

        A plain network's names nnU-Net's own trainer, so that plain nnU-Net opens the model folder.
        """
        if self.local_rank != 0 or self.disable_checkpointing:
            return
        other = {} if isinstance(self.module, FusedUNet) else {"trainer_name": nnUNetTrainer.__name__}
        write_plain(super().save_checkpoint, filename, other)

    def load_checkpoint(self, filename_or_checkpoint: str) -> None:
        """nnU-Net's; the settings stay those of this training, which may have more epochs."""
        told = self.my_init_kwargs
        super().load_checkpoint(filename_or_checkpoint)
        self.my_init_kwargs = told

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Nothing: `fusion predict` predicts whole CTs of the held-out fold, through both stages."""
        self.print_to_log_file("No validation here: `fusion predict` predicts the held-out cases.")

    def print_to_log_file(self, *args: Any, **how: Any) -> None:
        """nnU-Net's, to the file alone: a library is silent, and `progress` tells the rest."""
        super().print_to_log_file(*args, **how | {"also_print_to_console": False})


def _undistributed(network: nn.Module) -> nn.Module:
    return network.module if isinstance(network, DistributedDataParallel) else network
