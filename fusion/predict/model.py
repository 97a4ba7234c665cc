"""`Model`: what a model folder holds: plans and recipe, the network with its weights, which one it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

import fusion.nnunet  # noqa: F401

# isort: split
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

from fusion.recipe import Recipe
from fusion.samples.preparation import CONFIGURATION
from fusion.train.checkpoints import WEIGHTS, read_checkpoint
from radstore.canonical import digest_of_file
from radstore.errors import BadInput

CHECKPOINT = "checkpoint_final.pth"


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model.

    Parameters
    ----------
    recipe
        How its inputs are made.
    network
        On the host, without deep supervision.
    digest
        sha256 of the checkpoint: which model it is.
    plans, configuration, dataset_json
        nnU-Net's.
    trainer, mirrored
        The trainer's name, and the axes that may be mirrored (None: none), as the checkpoint has them.
    """

    recipe: Recipe
    network: nn.Module
    digest: str
    plans: PlansManager
    configuration: ConfigurationManager
    dataset_json: dict[str, Any]
    trainer: str
    mirrored: tuple[int, ...] | None

    @classmethod
    def load(cls, folder: Path, checkpoint: str = CHECKPOINT) -> Model:
        """Read a model folder: ``plans.json``, ``dataset.json`` and one ``fold_K``.

        Parameters
        ----------
        checkpoint
            File name within ``fold_K``.

        Raises
        ------
        BadInput
            If the folder is no model of ours, or its checkpoint belongs to another network.
        """
        plans, dataset = (read_json(folder / name) for name in ("plans.json", "dataset.json"))
        recipe = Recipe.from_plans(plans)
        file = folder / f"fold_{recipe.fold}" / checkpoint
        found, digest = read_checkpoint(file), digest_of_file(file)
        manager = PlansManager(plans)
        configuration = manager.get_configuration(CONFIGURATION)
        network = get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            len(recipe.channels),
            manager.get_label_manager(dataset).num_segmentation_heads,
            allow_init=False,
            deep_supervision=False,
        )
        _fill(network, found[WEIGHTS], file)
        mirrored = tuple(found.get("inference_allowed_mirroring_axes") or ()) or None
        return cls(recipe, network, digest, manager, configuration, dataset, found["trainer_name"], mirrored)


def _fill(network: nn.Module, weights: dict[str, Any], file: Path) -> None:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadInput(
            f"{file} is the checkpoint of another network than {file.parents[1] / 'plans.json'}: "
            f"{str(error).splitlines()[-1].strip()}",
            "Keep a checkpoint and its plans together: name the model folder as it was trained.",
        ) from error


def read_json(file: Path) -> dict[str, Any]:
    """A JSON file of a model folder.

    Raises
    ------
    BadInput
        If it is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{file} is not there", "Name a model folder that `fusion train` wrote.") from error
    except ValueError as error:
        raise BadInput(f"{file} is damaged: {error}", "Copy the model folder again.") from error
    return found
