"""`train`: one row of the ablation on one fold, from plans to a model folder of nnU-Net's."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion.samples.preparation import CONFIGURATION
from fusion.telling import Say, silent
from fusion.train.job import INTENSITIES, Job, prepare
from fusion.train.patches import WORKERS, preparing
from fusion.train.settings import FOLDERS, Epoch
from radstore.errors import BadInput
from radstore.output_file import writing

if TYPE_CHECKING:
    import torch

    from fusion.trainer import FusionTrainer


def train(
    models: Path | str,
    stage: int,
    fold: int,
    inputs: str = "ct",
    *,
    store: str | None = None,
    channels: Sequence[str] | None = None,
    name: str | None = None,
    without: int | None = None,
    device: str = "auto",
    init_from: Path | str | None = None,
    resume: bool = False,
    force: bool = False,
    ddp: bool | None = None,
    workers: int | None = None,
    progress: Callable[[Epoch], None] | None = None,
    say: Say = silent,
    **settings: Any,
) -> Path:
    """Train a row of the ablation on a fold; returns its model folder.

    Parameters
    ----------
    models
        The folder of plans and models; the plan is there (`fusion.plan.plan`).
    stage, fold
        Which; the fold is held out.
    inputs
        The row, or a control; Stage 1 has ``ct``.
    store
        The store; default: the one that was planned from.
    channels
        Only these maps.
    name
        Of the row's folder; default: as the row, with ``-sgd`` behind where that optimiser is asked for.
    without
        Stage 1 of nested chains: another fold, above `fold`, that is not trained on either.
    device
        See `fusion.device.choose_device`.
    init_from
        A checkpoint of nnU-Net's or ours, whose encoder and decoder are started from; its file and digest
        stand in the plans. One of ours that learnt from the held-out fold is refused.
    resume
        Continue what lies in the folder, with its settings.
    force
        Begin anew, whatever lies in the folder; with `resume`: if it cannot be continued.
    ddp
        See `fusion.train.distributed.joined`.
    workers
        Processes that prepare patches, the same ones whatever their number; default: none on the CPU,
        nnU-Net's choice with a GPU.
    progress
        Told of each epoch.
    say
        Told what the user should know.
    settings
        Of `Training`: ``epochs``, ``steps``, ``seed``, ….

    Raises
    ------
    BadInput
        If anything does not fit; then nothing is trained.
    """
    from fusion.device import choose_device
    from fusion.train.distributed import is_main, joined, wait, world_size

    chosen, why = choose_device(device)
    with joined(ddp, chosen) as here:
        speak = say if is_main() else silent
        job = prepare(
            models,
            stage,
            fold,
            inputs,
            store=store,
            channels=channels,
            name=name,
            without=without,
            init_from=init_from,
            resume=resume,
            force=force,
            changes=settings,
            say=speak,
        )
        if job.done:
            speak(f"{job.folders.model}: trained already")
            return job.folders.model
        speak(f"device: {why}" + (f", {world_size()} processes" if world_size() > 1 else ""))
        if is_main():
            _lay_out(job)
        wait()
        if workers is None and here.type == "cpu" and WORKERS not in os.environ:
            workers = 0
        with preparing(workers):
            trainer = _trainer(job, fold, here)
            _start(trainer, job, init_from, speak)
            trainer.progress = progress if progress is not None and is_main() else silent
            trainer.run_training()
    return job.folders.model


def _lay_out(job: Job) -> None:
    """View and fingerprint (what of it stands in the plans), where nnU-Net has its preprocessed cases."""
    for file in job.stale:  # first: what is killed from here on goes on with this training
        file.unlink()
    job.view.save(job.folders.view)
    known = {INTENSITIES: job.plans[INTENSITIES]}
    with writing(job.folders.data / "dataset_fingerprint.json") as aside:
        aside.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def _trainer(job: Job, fold: int, device: torch.device) -> FusionTrainer:
    import torch

    from fusion.train.distributed import world_size
    from fusion.trainer import FusionTrainer

    batch = job.plans["configurations"][CONFIGURATION]["batch_size"]
    if batch < world_size():
        raise BadInput(
            f"{world_size()} processes share batches of {batch}", "Start fewer, or plan with --batch."
        )
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # patches have one size
    plans = job.plans | {"continue_training": job.checkpoint is not None, FOLDERS: job.folders}
    with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net's prints
        trainer = FusionTrainer(plans, CONFIGURATION, fold, job.dataset_json, device)
        trainer.initialize()
    return trainer


def _start(trainer: FusionTrainer, job: Job, init_from: Path | str | None, say: Say) -> None:
    from fusion.train.checkpoints import load_initial

    if job.checkpoint is not None:
        trainer.load_checkpoint(str(job.checkpoint))
        begun = " (--init-from was for its beginning)" if init_from is not None else ""
        say(
            f"continuing {job.checkpoint} behind epoch {trainer.current_epoch} of {trainer.num_epochs}{begun}"
        )
    elif init_from is not None:
        loaded = load_initial(trainer.module, init_from)
        left = "; ".join(f"{name} ({why})" for name, why in loaded.left.items()) or "nothing"
        say(f"{len(loaded.taken)} weights from {init_from}; initialised anew: {left}")
