"""Numbers that others computed with unmodified PyRadiomics on real images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radstore.engines.pyradiomics import PyRadiomics
from radstore.images.read import read_image, read_labels
from radstore.images.region import region_mask
from radstore.spec import Spec, load_spec

# case → image, label image, label
CASES = {
    "breast1": ("pyradiomics_cases/breast1_image.nrrd", "pyradiomics_cases/breast1_label.nrrd", 1),
    "lung1_crop": ("pyradiomics_cases/lung1_crop_image.nrrd", "pyradiomics_cases/lung1_crop_label.nrrd", 1),
    "brain1": ("pyradiomics_cases/brain1_image.nrrd", "pyradiomics_cases/brain1_label.nrrd", 1),
    "totalseg_pancreas": ("totalsegmentator/example_ct_sm.nii.gz", "totalsegmentator/example_seg.nii.gz", 7),
    "STS_008": ("sts_ct/STS_008_image.nii.gz", "sts_ct/STS_008_mask.nii.gz", 1),
}


def read(folder: Path, name: str):
    image, labels, label = CASES[name]
    volume = read_image(folder / image)
    mask = region_mask(
        read_labels(folder / labels), [label], volume.geometry, tolerance=None, correct=False, name=name
    )
    return volume, mask


@pytest.mark.parametrize("name", CASES)
def test_vector_of_1502_features(name, shared_data, shared_reference):
    table = pd.read_csv(shared_reference / "pyradiomics_panorama_settings.csv.gz")
    table = table[table["case"] == name].set_index("feature")
    spec = load_spec(shared_reference / "panorama-1502.yaml")
    got = PyRadiomics().vector(*read(shared_data, name), spec.graph("roi"))
    assert not got.failures
    assert len(table) == 1502
    assert set(got.values) >= set(table.index)
    ours = pd.Series(dict(got.values))[table.index]
    off = (ours - table["value"]).abs() > table["tolerance_rel"] * table["value"].abs() + 1e-9
    assert not off.any(), pd.DataFrame({"ours": ours, "theirs": table["value"]})[off]


@pytest.mark.parametrize("stem", ["breast1_r1", "lung1_crop_r2"])
def test_maps(stem, shared_data, shared_reference):
    summary = pd.read_csv(shared_reference / "voxel_maps_summary.csv")
    told = json.loads(summary.loc[summary["map_file"] == stem, "settings"].iloc[0])
    voxel = {name: told.pop(name) for name in ("kernelRadius", "maskedKernel", "voxelBatch")}
    with np.load(shared_reference / "voxel_maps" / f"{stem}.npz") as file:
        theirs = dict(file)
    origin = tuple(theirs["_origin"].tolist())
    names = [name for name in theirs if not name.startswith("_")]
    spec = Spec.from_dict({"features": names, "setting": told, "voxelSetting": voxel})
    got = PyRadiomics().maps(*read(shared_data, stem.rpartition("_")[0]), spec.graph("voxel"))
    assert not got.failures
    x, y, z = (-round(v) for v in got.geometry.index(origin))  # their crop is wider by the window
    dz, dy, dx = got.geometry.shape
    inside = got.region == 1
    for name, ours in zip(got.names, got.array, strict=True):
        expected = theirs[name][z : z + dz, y : y + dy, x : x + dx]
        np.testing.assert_allclose(ours[inside], expected[inside], rtol=1e-5, atol=1e-6, err_msg=name)
