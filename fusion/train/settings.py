"""What a training is told (`Training`, `Folders`) and what it tells (`Epoch`). One place for each default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from radstore.errors import BadInput
from radstore.suggest import suggest

KEY = "fusion_training"
"""Of the settings in the plans, beside the recipe: they travel in every checkpoint."""
FOLDERS = "folders"
"""Of the folders in the plans, popped as nnU-Net pops ``continue_training``: paths travel in no file."""
OPTIMISERS = {"adamw": (1e-3, 1e-2), "sgd": (1e-2, 3e-5)}
"""Learning rate at the start and weight decay of each; nnU-Net's own for ``sgd``."""


@dataclass(frozen=True)
class Training:
    """How a network is trained; the same for every row of an ablation.

    Parameters
    ----------
    optimiser
        ``adamw`` for every row: nnU-Net's SGD does not move a FiLM that begins as zeros. ``sgd`` is nnU-Net
        as shipped, its rotations too: the outside reference.
    rate
        Learning rate at the start, which falls by nnU-Net's polynomial; None: that of `OPTIMISERS`.
    epochs, steps, validation_steps
        How many epochs, and of how many patches' batches each.
    rotation
        Rotations of at most so many degrees about each axis. Wavelet bands and LBP are directional: a map
        that is turned is not the map of the turned image. So the angle is small, the same for all rows.
    missing
        How probable it is that a sample's vector is withheld in a step: so the "missing" token is trained.
    compile
        `torch.compile`: None: as nnU-Net does (on GPUs), else always or never.
    save_every
        Epochs between two checkpoints to resume from.
    seed
        Of everything that is drawn: weights, patches, augmentation, withheld vectors. From 0.
    """

    optimiser: str = "adamw"
    rate: float | None = None
    epochs: int = 1000
    steps: int = 250
    validation_steps: int = 50
    rotation: float = 10.0
    missing: float = 0.1
    compile: bool | None = None
    save_every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise BadInput(
                f"--optimiser {self.optimiser!r} is not known", f"There are: {', '.join(OPTIMISERS)}."
            )
        for name in ("epochs", "steps", "validation_steps", "save_every"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}", "Give at least 1.")
        if self.seed < 0:
            raise BadInput(f"seed is {self.seed}", "Give 0 or more.")
        if not 0 <= self.missing < 1:
            raise BadInput(f"missing is {self.missing}", "Give a probability from 0 to below 1.")

    @property
    def learning_rate(self) -> float:
        """`rate`, or that of the optimiser."""
        return OPTIMISERS[self.optimiser][0] if self.rate is None else self.rate

    @property
    def weight_decay(self) -> float:
        """That of the optimiser."""
        return OPTIMISERS[self.optimiser][1]

    @property
    def stock(self) -> bool:
        """Whether this is nnU-Net as shipped."""
        return self.optimiser == "sgd"

    def to_json(self) -> dict[str, Any]:
        """As it stands in the plans."""
        return asdict(self)

    @classmethod
    def from_plans(cls, plans: Mapping[str, Any]) -> Training:
        """The settings in the plans of a model, the defaults where it has none."""
        return cls(**plans.get(KEY, {}))

    def with_changes(self, changes: Mapping[str, Any]) -> Training:
        """The same but for some settings.

        Raises
        ------
        BadInput
            If there is no such setting.
        """
        known = [part.name for part in fields(self)]
        for name in changes:
            if name not in known:
                raise BadInput(f"there is no setting {name!r}", suggest(name, known, "Settings are"))
        return replace(self, **changes)


def model_folder(models: Path | str, stage: int, row: str, fold: int, without: int | None = None) -> Path:
    """The model folder of a chain: ``<models>/stage1/chain0``, ``<models>/stage2/ct+maps/chain0``.

    Parameters
    ----------
    models
        The folder of plans and models.
    row
        Of Stage 2: of the ablation, or what it was named.
    without
        Of nested chains: another fold that is not trained on, ``<models>/stage1/chain0-without1``.
    """
    place = Path(models) / f"stage{stage}"
    chain = f"chain{fold}" if without is None else f"chain{fold}-without{without}"
    return (place if stage == 1 else place / row) / chain


def chains_in(folder: Path) -> list[int]:
    """The folds of which a folder, of Stage 1 or of a row, has a ``chain<K>``, ascending."""
    names = [path.name.removeprefix("chain") for path in folder.glob("chain*") if path.is_dir()]
    return sorted(int(name) for name in names if name.isdecimal())


def row_name(inputs: str, settings: Training) -> str:
    """What the folder of a row is called: its inputs, and the optimiser where it is not the usual one."""
    return inputs if settings.optimiser == Training.optimiser else f"{inputs}-{settings.optimiser}"


@dataclass(frozen=True)
class Folders:
    """Where a training reads and writes.

    Parameters
    ----------
    model
        The model folder, in nnU-Net's layout.
    """

    model: Path

    @property
    def data(self) -> Path:
        """In the place of nnU-Net's preprocessed folder of a dataset; has ``dataset_fingerprint.json``."""
        return self.model / "data"

    @property
    def view(self) -> Path:
        """In the place of the preprocessed cases; has the view."""
        return self.data / "view"


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Parameters
    ----------
    number, of
        The epoch just finished, from 1, and how many there are.
    train_loss, validation_loss
        Means over its steps.
    dice
        Of the foreground on patches of the held-out cases.
    seconds
        How long it took.
    """

    number: int
    of: int
    train_loss: float
    validation_loss: float
    dice: float
    seconds: float

    @classmethod
    def of_log(cls, log: Mapping[str, Sequence[Any]], number: int, of: int) -> Epoch:
        """The last epoch in nnU-Net's log."""
        last = {name: values[-1] for name, values in log.items()}
        return cls(
            number,
            of,
            float(last["train_losses"]),
            float(last["val_losses"]),
            float(last["mean_fg_dice"]),
            last["epoch_end_timestamps"] - last["epoch_start_timestamps"],
        )
