"""A folder as PANORAMA's is, with its oddities, of phantom images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from openpyxl import Workbook

from radstore.phantom.people import Study
from radstore.phantom.scan import take
from radstore.phantom.sizes import SMALL

CATALOG = """\
store: ./store
sources:
  panorama:
    driver: files
    args:
      image: "{{ CATALOG_DIR }}/images/{case}_0000.nii.gz"
      labels: "{{ CATALOG_DIR }}/labels/{case}.nii.gz"
      table: "{{ CATALOG_DIR }}/clinical_information.xlsx"
      case_column: PANORAMA_study_id
      patient_column: PANORAMA_patient_id
    regions: {pancreas: [1, 4, 5], lesion: [1]}
"""
SPEC = """\
imageType: {Original: {}, LoG: {sigma: [2.0]}}
featureClass:
  firstorder: [Mean, Energy, TotalEnergy]
  glcm: [Correlation, Contrast, Imc1]
  shape: [MeshVolume]
setting: {binWidth: 20, resampledPixelSpacing: [2, 2, 2.5]}
"""
HEADER = (
    "PANORAMA_patient_id",
    "PANORAMA_study_id",
    "patient_age",
    "patient_sex",
    "scanner",
    "label",
    "level",
)
STUDIES_OF = (5, 1, 2, *11 * [1])  # studies of each patient; every other one has a PDAC
KINDS = (np.uint8, np.uint16, np.float64)


@pytest.fixture(scope="session")
def panorama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nineteen cases of 14 patients, the last without a label; a PDAC is 40 HU brighter, to be found."""
    folder = tmp_path_factory.mktemp("panorama")
    for name in ("images", "labels"):
        (folder / name).mkdir()
    (folder / "catalog.yaml").write_text(CATALOG)
    (folder / "tiny.yaml").write_text(SPEC)
    book = Workbook()
    sheet = book.active
    sheet.append(HEADER)
    number = 0
    for patient, studies in enumerate(STUDIES_OF):
        for _ in range(studies):
            number += 1
            sheet.append(_case(folder, patient, number))
    book.save(folder / "clinical_information.xlsx")
    return folder


def _case(folder: Path, patient: int, number: int) -> list[object]:
    """Write one case; returns its row of the table."""
    pdac = patient % 2
    id_ = f"{100_000 + patient:06d}_{number:05d}"
    ct, labels = take(0, Study(number, number, bool(pdac)), SMALL)
    told = labels.array.astype(KINDS[number % len(KINDS)])
    if number % 4 == 0:
        told[0, :2, :2] = (7, 8)  # PANORAMA's own strays
    for array, path in (
        (ct.array + np.int16(40 * pdac), f"images/{id_}_0000.nii.gz"),
        (told, f"labels/{id_}.nii.gz"),
    ):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(ct.geometry.spacing)
        image.SetOrigin(ct.geometry.origin)
        sitk.WriteImage(image, str(folder / path))
    unlabelled = number == sum(STUDIES_OF)
    age = f"{40 + number:03d}Y"
    return [
        *(f"{100_000 + patient:06d}", id_, age, "FM"[number % 2], "SIEMENS"),
        *(None if unlabelled else pdac, "1"),
    ]
