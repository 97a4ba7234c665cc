"""The predictor against nnU-Net's own, its vectors, and a GPU that is too small."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fusion.nnunet  # noqa: F401

# isort: split
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from fusion.predict.model import CHECKPOINT
from fusion.predict.predictor import FusionPredictor
from fusion.predict.tiles import Ladder, Rung
from radstore.canonical import digest_of_file
from radstore.errors import BadInput, CaseError

CPU = torch.device("cpu")
Models = Callable[..., Path]
Samples = Callable[..., Any]
VECTOR = np.array([0.5, -1.0, 2.0], np.float32)


def stock(of: FusionPredictor) -> nnUNetPredictor:
    """nnU-Net's own predictor with the same network."""
    with contextlib.redirect_stdout(io.StringIO()):
        plain = nnUNetPredictor(device=CPU, allow_tqdm=False)
    parts = of.plans_manager, of.configuration_manager, [of.network.state_dict()], of.dataset_json
    plain.manual_initialization(of.network, *parts, "nnUNetTrainer", of.allowed_mirroring_axes)
    return plain


@pytest.mark.parametrize("inputs", ["ct", "ct+maps"])
def test_it_gives_what_stock_nnunet_gives(tiny_model: Models, tiny_sample: Samples, inputs: str) -> None:
    predictor = FusionPredictor(tiny_model(inputs), device=CPU)
    sample = tiny_sample(first=3)
    image = predictor.recipe.network_input(sample.data, sample.names, sample.region)
    plain = stock(predictor)
    logits = plain.predict_logits_from_preprocessed_data(torch.from_numpy(image))
    found, notes = predictor.logits(torch.from_numpy(image), None)
    assert notes == ()
    assert torch.equal(found, logits)
    labels, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        plain.plans_manager,
        plain.configuration_manager,
        plain.label_manager,
        dict(sample.properties),
        return_probabilities=True,
    )
    got = predictor.predict(sample).probabilities
    np.testing.assert_array_equal(got.labels().array, labels)
    np.testing.assert_array_equal(got.of(1).array, probabilities[1])
    assert got.geometry.shape == labels.shape
    assert got.geometry.origin == (1.0, 2.0, 3.0)


def test_without_mirroring_it_is_another_number(tiny_model: Models, tiny_sample: Samples) -> None:
    folder, sample = tiny_model("ct"), tiny_sample()
    mirrored, plain = (
        FusionPredictor(folder, device=CPU, mirroring=on).predict(sample) for on in (True, False)
    )
    assert not np.array_equal(mirrored.probabilities.array, plain.probabilities.array)


def test_the_vector_decides_and_none_is_the_missing_one(tiny_model: Models, tiny_sample: Samples) -> None:
    predictor = FusionPredictor(tiny_model("ct+maps+global"), device=CPU)
    sample = tiny_sample()
    one, again, other, missing = (
        predictor.predict(sample, vector).probabilities.array for vector in (VECTOR, VECTOR, -VECTOR, None)
    )
    np.testing.assert_array_equal(one, again)
    zero = predictor.predict(sample, np.zeros(3, np.float32)).probabilities.array
    for a, b in ((one, other), (one, missing), (zero, missing)):
        assert np.abs(a - b).max() > 1e-4


def test_rows_without_a_vector_do_not_look_at_it(tiny_model: Models, tiny_sample: Samples) -> None:
    predictor = FusionPredictor(tiny_model("ct+maps"), device=CPU)
    sample = tiny_sample()
    given, without = predictor.predict(sample, VECTOR), predictor.predict(sample)
    np.testing.assert_array_equal(given.probabilities.array, without.probabilities.array)


def test_a_vector_of_another_size_is_refused(tiny_model: Models, tiny_sample: Samples) -> None:
    predictor = FusionPredictor(tiny_model("ct+global"), device=CPU)
    with pytest.raises(BadInput, match="takes 3 numbers"):
        predictor.predict(tiny_sample(), VECTOR[:2])


def test_a_case_smaller_than_a_tile(tiny_model: Models, tiny_sample: Samples) -> None:
    sample = tiny_sample((5, 15, 17))
    got = FusionPredictor(tiny_model("ct"), device=CPU).predict(sample).probabilities
    assert got.array.shape == (7, 5, 15, 17)
    np.testing.assert_allclose(got.array.sum(axis=0), 1, atol=1e-5)


class Small(FusionPredictor):
    """As if on a GPU where the first so many tries lack memory; all runs on the processor."""

    lacking = 0

    def __init__(self, folder: Path, **given: Any) -> None:
        super().__init__(folder, device=CPU)
        tile, half = (8, 16, 16), (8, 8, 16)
        self.ladder = Ladder([Rung("cpu", "cpu", size) for size in (tile, tile, half, tile)], **given)
        self.tried: list[tuple[int, ...]] = []

    def _internal_maybe_mirror_and_predict(self, x: torch.Tensor) -> torch.Tensor:
        self.tried.append(tuple(x.shape[2:]))
        if len(self.tried) <= self.lacking:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return super()._internal_maybe_mirror_and_predict(x)


@pytest.mark.parametrize("lacking", [1, 2, 3])
def test_a_gpu_that_is_too_small(tiny_model: Models, tiny_sample: Samples, lacking: int) -> None:
    said: list[str] = []
    folder, sample = tiny_model("ct+global"), tiny_sample()
    usual = FusionPredictor(folder, device=CPU).predict(sample, VECTOR)
    small = Small(folder, say=said.append)
    small.lacking = lacking
    got = small.predict(sample, VECTOR)
    assert len(said) == lacking
    assert len(got.notes) == 1
    same = np.array_equal(got.probabilities.array, usual.probabilities.array)
    assert same == (lacking != 2)  # smaller tiles see less around them
    assert small.configuration_manager.patch_size == [8, 16, 16]
    small.tried = [()] * 9  # the memory suffices now
    again = small.predict(sample, VECTOR)
    assert small.tried[9] == ((8, 16, 16) if lacking == 1 else (8, 8, 16))  # but nobody climbs up
    assert (len(again.notes), len(said)) == (1, lacking)


def test_logits_that_are_no_numbers_are_said(tiny_model: Models, tiny_sample: Samples) -> None:
    def spoil(network: torch.nn.Module) -> None:
        next(network.parameters()).data.fill_(float("nan"))

    predictor = FusionPredictor(tiny_model("ct", change=spoil), device=CPU)
    with pytest.raises(CaseError, match="NaN or infinite"):
        predictor.predict(tiny_sample())


def test_folders_that_cannot_be_used(tiny_model: Models, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"plans\.json is not there"):
        FusionPredictor(tmp_path, device=CPU)
    other, folder = tiny_model("ct+maps"), tiny_model("ct")
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    whole = checkpoint.read_bytes()
    (other / "fold_0" / "checkpoint_final.pth").replace(checkpoint)
    with pytest.raises(BadInput, match="checkpoint of another network"):
        FusionPredictor(folder, device=CPU)
    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read"):
        FusionPredictor(folder, device=CPU)
    checkpoint.unlink()
    with pytest.raises(BadInput, match="does not exist"):
        FusionPredictor(folder, device=CPU)
    plans = json.loads((folder / "plans.json").read_text())
    del plans["fusion"]
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(BadInput, match="not trained by `fusion`"):
        FusionPredictor(folder, device=CPU)
    (folder / "plans.json").write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        FusionPredictor(folder, device=CPU)


def test_a_checkpoint_cannot_run_code(tiny_model: Models) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("run",))

    folder = tiny_model("ct")
    file = folder / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": Evil(), "trainer_name": "x"}, file)
    with pytest.raises(BadInput, match="cannot be read"):
        FusionPredictor(folder, device=CPU)


def test_the_digest_is_the_checkpoints(tiny_model: Models) -> None:
    one, other = (FusionPredictor(tiny_model("ct", seed=seed), device=CPU) for seed in (0, 1))
    assert one.digest == digest_of_file(one.folder / "fold_0" / CHECKPOINT) != other.digest


def test_a_step_that_cannot_be(tiny_model: Models) -> None:
    with pytest.raises(BadInput, match="step"):
        FusionPredictor(tiny_model("ct"), device=CPU, step=0.0)
