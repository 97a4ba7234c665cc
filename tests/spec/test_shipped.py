"""The specs that come with the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from radstore.spec import load_spec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def selected():
    return load_spec(ROOT / "selected.yaml")


def test_selected_can_tell_images_apart(selected):
    assert (selected.name, selected.region, len(selected.columns)) == ("selected", "pancreas", 10)
    assert selected.has_maps
    assert selected.notes == ()
    widths = {c.image_type: c.settings.binWidth for c in selected.columns if c.family != "shape"}
    assert widths == {"LoG": 20, "Wavelet": 20, "LBP2D": 1}


def test_published_is_selected_as_it_was_published(selected):
    published = load_spec(ROOT / "pipelines/published.yaml")
    assert published.names == selected.names
    assert published.settings == selected.settings
    assert "LBP2D holds the values 0 to 9, so binWidth 20 leaves it one grey level" in published.notes[0]


def test_panorama_has_1486_features(selected):
    spec = load_spec(ROOT / "pipelines/panorama-1486.yaml")
    assert len(set(spec.names)) == 1486
    assert set(selected.names) <= set(spec.names)
    images = {name.split("_")[0] for name in spec.names}
    assert len(images) == 16
    assert len([name for name in spec.names if "_shape_" in name]) == 14
    assert not any("SumAverage" in name for name in spec.names)


def test_panorama_is_the_reference_run_less_one_feature(shared_reference):
    ours = load_spec(ROOT / "pipelines/panorama-1486.yaml")
    theirs = load_spec(shared_reference / "panorama-1502.yaml")
    assert ours.settings == theirs.settings
    assert ours.names == tuple(name for name in theirs.names if not name.endswith("_glcm_SumAverage"))
