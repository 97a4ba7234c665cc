"""A real CT, built with the shipped spec, against PyRadiomics' own extractor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from radstore.build import build
from radstore.spec import load_spec
from radstore.store.query import open_store

SHIPPED = Path(__file__).parents[2] / "selected.yaml"
COMPARED = ("wavelet-LLL_glcm_Imc1", "log-sigma-4-0-mm-3D_glcm_Correlation", "original_shape_Sphericity")


@pytest.fixture(scope="module")
def pancreas(shared_data: Path, scheduler: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with the pancreas of TotalSegmentator's example CT."""
    folder, here = shared_data / "totalsegmentator", tmp_path_factory.mktemp("real")
    catalog = {
        "sources": {
            "real": {
                "driver": "files",
                "args": {
                    "image": f"{folder}/{{case}}_ct_sm.nii.gz",
                    "labels": f"{folder}/{{case}}_seg.nii.gz",
                },
                "regions": {"pancreas": [7], "liver": [5]},
            }
        }
    }
    (here / "catalog.yaml").write_text(json.dumps(catalog))
    report = build(SHIPPED, catalog=here / "catalog.yaml", scheduler=scheduler)
    assert report.failed == {}
    assert report.tally is not None
    assert report.tally.computed == 10 + 8
    again = build(SHIPPED, catalog=here / "catalog.yaml", scheduler=scheduler)
    assert (again.tally.computed, again.tally.versions) == (0, [])
    return open_store(here / "store").case("example")


def test_against_pyradiomics(pancreas: Any, shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator"
    image, labels = (sitk.ReadImage(str(folder / f"example_{name}.nii.gz")) for name in ("ct_sm", "seg"))
    spec = load_spec(SHIPPED)
    low = spec.settings.windowLevel - spec.settings.windowWidth / 2
    clipped = sitk.Clamp(image, image.GetPixelID(), low, low + spec.settings.windowWidth)
    expected = _extractor().execute(clipped, labels, label=7)

    vector = pancreas.features()
    assert vector["feature"].values.tolist() == list(spec.names)
    assert not np.isnan(vector.values).any()
    for name in COMPARED:
        assert float(vector.sel(feature=name)) == pytest.approx(float(expected[name]), rel=1e-6), name

    maps = pancreas.maps
    assert maps.shape[0] == 8
    region = pancreas.maps_region()
    assert not np.isnan(maps.values[:, region.values == 1]).all(axis=1).any()
    assert np.isnan(maps.values[:, region.values == 0]).all()
    spacing = [abs(float(np.diff(maps[axis].values)[0])) for axis in "xyz"]
    assert spacing == pytest.approx([1.0, 1.0, 2.5])


def _extractor() -> Any:
    from radiomics import featureextractor, setVerbosity

    setVerbosity(60)
    settings = {
        "binWidth": 20,
        "resampledPixelSpacing": [1, 1, 2.5],
        "interpolator": "sitkBSpline",
        "padDistance": 10,
    }
    extractor = featureextractor.RadiomicsFeatureExtractor(**settings)
    extractor.disableAllImageTypes()
    extractor.disableAllFeatures()
    extractor.enableImageTypes(Original={}, Wavelet={}, LoG={"sigma": [4.0]})
    extractor.enableFeaturesByName(glcm=["Imc1", "Correlation"], shape=["Sphericity"])
    return extractor


def test_the_stored_image_is_the_file(pancreas: Any, shared_data: Path) -> None:
    image = sitk.ReadImage(str(shared_data / "totalsegmentator" / "example_ct_sm.nii.gz"))
    np.testing.assert_array_equal(pancreas.image.values, sitk.GetArrayViewFromImage(image))
    assert pancreas.image.dtype == sitk.GetArrayViewFromImage(image).dtype
