"""The PANORAMA challenge's container: one CT in, a detection map and a likelihood out.

/input/images/venous-ct/<any name>.mha                    the CT
/input/clinical-information-pancreatic-ct.json            age, sex, scanner: logged, no model uses them
/output/images/pdac-detection-map/detection_map.mha       float32 in the CT's geometry
/output/pdac-likelihood.json                              a number from 0 to 1
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fusion.predict.api import predict
from fusion.predict.predictions import Predictions
from fusion.predict.studies import case_name
from fusion.telling import Say, silent
from radstore.errors import BadInput, CaseError
from radstore.images.read import SUFFIXES, read_header
from radstore.images.volume import Volume
from radstore.images.write import write_volume
from radstore.output_file import writing
from radstore.suggest import missing_path

IMAGES = Path("images/venous-ct")
CLINICAL = Path("clinical-information-pancreatic-ct.json")
DETECTIONS = Path("images/pdac-detection-map/detection_map.mha")
LIKELIHOOD = Path("pdac-likelihood.json")


def serve_challenge(
    models: Path | str,
    *,
    input_folder: Path | str = "/input",
    output_folder: Path | str = "/output",
    work_folder: Path | str | None = None,
    say: Say = silent,
    **settings: Any,
) -> float:
    """Predict the one CT of the challenge's input; returns the likelihood of a PDAC.

    Parameters
    ----------
    models
        The folder of trained models.
    input_folder, output_folder
        Of the challenge.
    work_folder
        For the prediction's own files; by default one that is removed afterwards.
    say
        What is told of the run.
    settings
        As for `fusion.predict.api.predict`: ``inputs``, ``device``, ``rule``, ….

    Raises
    ------
    BadInput
        If there is not exactly one CT, or the models cannot be used.
    CaseError
        If the CT cannot be predicted.
    """
    import tempfile

    source, target = Path(input_folder), Path(output_folder)
    image = find_image(source)
    if (source / CLINICAL).exists():
        say(f"{source / CLINICAL} is there; no model uses it")
    with tempfile.TemporaryDirectory() as aside:
        done = predict(models, work_folder or aside, files=[image], pictures=False, say=say, **settings)
        for line in done.cases[case_name(image)].notes:
            say(f"note: {line}")
        return _write(done, image, target)


def find_image(source: Path) -> Path:
    """The CT of the challenge's input.

    Raises
    ------
    BadInput
        If there is none, or several.
    """
    folder = source / IMAGES
    if not folder.is_dir():
        raise BadInput(*missing_path(folder))
    found = sorted(path for path in folder.glob("*") if path.name.lower().endswith(SUFFIXES))
    if len(found) != 1:
        names = ", ".join(path.name for path in found[:3]) or "none"
        raise BadInput(
            f"{folder} has {len(found)} CTs ({names})", "The challenge gives one .mha a run: mount it there."
        )
    return found[0]


def _write(done: Predictions, image: Path, target: Path) -> float:
    case = case_name(image)
    prediction = done.cases[case]
    if prediction.error is not None:
        raise CaseError(prediction.error["message"], prediction.error["remedy"])
    score = float(prediction.score or 0.0)
    geometry = read_header(image).geometry  # exactly; the prediction's own NIfTI keeps float32 of it
    write_volume(Volume(done.candidates(case).array, geometry), target / DETECTIONS)
    with writing(target / LIKELIHOOD) as aside:
        aside.write_text(json.dumps(score) + "\n", encoding="utf-8")
    return score
